package heimproxy

import (
	"bytes"
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// A decoder makes a value of PostgreSQL's text for it, which is only lent.
type decoder func(text []byte) (driver.Value, error)

type valueKind int

const (
	kindText valueKind = iota
	kindInt
	kindFloat
	kindBool
	kindBytea
	kindJSON
	kindTime
)

func kindOf(oid uint32) valueKind {
	switch oid {
	case 20, 21, 23, 26:
		return kindInt
	case 700, 701:
		return kindFloat
	case 16:
		return kindBool
	case byteaOID:
		return kindBytea
	case 114, 3802:
		return kindJSON
	case 1082, 1114, 1184:
		return kindTime
	}
	return kindText
}

var decoders = [...]decoder{
	kindText: decodeText, kindInt: decodeInt, kindFloat: decodeFloat, kindBool: decodeBool,
	kindBytea: decodeBytea, kindJSON: decodeJSON, kindTime: decodeTime,
}

func decoderOf(oid uint32) decoder { return decoders[kindOf(oid)] }

func decodeText(text []byte) (driver.Value, error) { return string(text), nil }

func decodeJSON(text []byte) (driver.Value, error) { return append([]byte{}, text...), nil }

func decodeInt(text []byte) (driver.Value, error) {
	return strconv.ParseInt(string(text), 10, 64)
}

func decodeFloat(text []byte) (driver.Value, error) {
	return strconv.ParseFloat(string(text), 64)
}

func decodeBool(text []byte) (driver.Value, error) { return text[0] == 't', nil }

// decodeBytea reads both of what bytea_output can be.
func decodeBytea(text []byte) (driver.Value, error) {
	if bytes.HasPrefix(text, []byte(`\x`)) {
		out := make([]byte, hex.DecodedLen(len(text)-2))
		_, err := hex.Decode(out, text[2:])
		return out, err
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '\\':
			out = append(out, text[i])
		case i+1 < len(text) && text[i+1] == '\\':
			out = append(out, '\\')
			i++
		case i+3 < len(text):
			code, err := strconv.ParseUint(string(text[i+1:i+4]), 8, 8)
			if err != nil {
				return nil, err
			}
			out = append(out, byte(code))
			i += 3
		default:
			return nil, fmt.Errorf("heimproxy: a bytea ends within a character")
		}
	}
	return out, nil
}

var zeroTime time.Time

// decodeTime reads what DateStyle ISO writes. What Go's calendar cannot hold (infinity, years BC),
// or another DateStyle writes, stays a text.
func decodeTime(text []byte) (driver.Value, error) {
	if t, ok := parseTime(text); ok {
		return t, nil
	}
	return string(text), nil
}

// parseTime reads "2026-01-02", then perhaps " 15:04:05.999999", then perhaps "+05:30:00".
func parseTime(text []byte) (time.Time, bool) {
	p := timeParser{text: text, ok: true}
	year := p.number(4, 6)
	p.expect('-')
	month := p.number(2, 2)
	p.expect('-')
	day := p.number(2, 2)
	var hour, minute, second, nanos int
	zone := time.UTC
	if p.accept(' ') {
		hour = p.number(2, 2)
		p.expect(':')
		minute = p.number(2, 2)
		p.expect(':')
		second = p.number(2, 2)
		if p.accept('.') {
			nanos = p.fraction()
		}
		zone = p.zone()
	}
	if !p.ok || len(p.text) > 0 {
		return zeroTime, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nanos, zone), true
}

// A timeParser takes a text from its front. Once something is wrong, ok is false.
type timeParser struct {
	text []byte
	ok   bool
}

func (p *timeParser) accept(c byte) bool {
	if len(p.text) == 0 || p.text[0] != c {
		return false
	}
	p.text = p.text[1:]
	return true
}

func (p *timeParser) expect(c byte) { p.ok = p.accept(c) && p.ok }

func (p *timeParser) number(least, most int) int {
	number, digits := 0, 0
	for ; digits < most && digits < len(p.text) && p.text[digits]-'0' <= 9; digits++ {
		number = number*10 + int(p.text[digits]-'0')
	}
	p.ok = p.ok && digits >= least
	p.text = p.text[digits:]
	return number
}

func (p *timeParser) fraction() int {
	before := len(p.text)
	number := p.number(1, 9)
	for digits := before - len(p.text); digits < 9; digits++ {
		number *= 10
	}
	return number
}

func (p *timeParser) zone() *time.Location {
	sign := 1
	if p.accept('-') {
		sign = -1
	} else if !p.accept('+') {
		return time.UTC
	}
	seconds := p.number(2, 2) * 3600
	if p.accept(':') {
		seconds += p.number(2, 2) * 60
	}
	if p.accept(':') {
		seconds += p.number(2, 2)
	}
	if seconds == 0 {
		return time.UTC
	}
	return time.FixedZone("", sign*seconds)
}
