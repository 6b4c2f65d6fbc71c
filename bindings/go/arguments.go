package heimproxy

/*
#include "bridge.h"
*/
import "C"

import (
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

const byteaOID = 17

// CheckNamedValue takes, beside what database/sql does: slices, as arrays; json.RawMessage;
// uint64 in full.
func (c *Conn) CheckNamedValue(value *driver.NamedValue) error {
	switch v := value.Value.(type) {
	case sql.Out:
		return errors.New("heimproxy: PostgreSQL has no output parameters; SELECT them")
	case driver.Valuer, []byte:
		return driver.ErrSkip
	case json.RawMessage:
		value.Value = nil
		if v != nil {
			value.Value = string(v)
		}
		return nil
	}
	v := reflect.ValueOf(value.Value)
	switch v.Kind() {
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		value.Value = strconv.FormatUint(v.Uint(), 10)
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
			return driver.ErrSkip
		}
		text, err := arrayText(v)
		if err != nil {
			return err
		}
		value.Value = text
	default:
		return driver.ErrSkip
	}
	return nil
}

// arrayText is {1,NULL,"a b"}, also nested; nil for a slice that is nil.
func arrayText(v reflect.Value) (driver.Value, error) {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return nil, nil
	}
	items := make([]string, v.Len())
	for i := range items {
		text, err := arrayItem(v.Index(i))
		if err != nil {
			return nil, err
		}
		items[i] = text
	}
	return "{" + strings.Join(items, ",") + "}", nil
}

func arrayItem(v reflect.Value) (string, error) {
	for v.Kind() == reflect.Ptr || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return "NULL", nil
		}
		if _, ok := v.Interface().(driver.Valuer); ok {
			break
		}
		v = v.Elem()
	}
	_, isValuer := v.Interface().(driver.Valuer)
	if isBytes := v.Type() == reflect.TypeOf([]byte(nil)); v.Kind() == reflect.Slice && !isValuer && !isBytes {
		text, err := arrayText(v)
		if err != nil || text == nil {
			return "NULL", err
		}
		return text.(string), nil
	}
	value, err := driver.DefaultParameterConverter.ConvertValue(v.Interface())
	if err != nil {
		return "", fmt.Errorf("heimproxy: in an array: %w", err)
	}
	switch value := value.(type) {
	case nil:
		return "NULL", nil
	case []byte:
		if value == nil {
			return "NULL", nil
		}
		return `"\\x` + hex.EncodeToString(value) + `"`, nil
	default:
		text := string(appendArgument(nil, value))
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`, nil
	}
}

func hasBytes(args []driver.NamedValue) bool {
	for i := range args {
		if b, ok := args[i].Value.([]byte); ok && b != nil {
			return true
		}
	}
	return false
}

// addArguments puts the values behind the request's text. `types` are those of the parameters, or
// nil where no value is of bytes.
func (s *session) addArguments(args []driver.NamedValue, types []uint32) {
	for i := range args {
		value := C.heimgo_value{at: C.size_t(len(s.request)), format: C.HEIM_FORMAT_TEXT}
		b, isBytes := args[i].Value.([]byte)
		if args[i].Value == nil || isBytes && b == nil {
			value.length = C.HEIMGO_NULL
		} else {
			if isBytes && types[i] == byteaOID {
				value.format = C.HEIM_FORMAT_BINARY
			}
			s.request = appendArgument(s.request, args[i].Value)
			value.length = C.size_t(len(s.request)) - value.at
		}
		s.values = append(s.values, value)
	}
}

// appendArgument writes a value of database/sql as PostgreSQL reads it.
func appendArgument(to []byte, value driver.Value) []byte {
	switch v := value.(type) {
	case string:
		return append(to, v...)
	case []byte:
		return append(to, v...)
	case int64:
		return strconv.AppendInt(to, v, 10)
	case float64:
		return strconv.AppendFloat(to, v, 'g', -1, 64)
	case bool:
		return strconv.AppendBool(to, v)
	case time.Time:
		return appendTime(to, v)
	}
	panic(fmt.Sprintf("database/sql let a %T through", value))
}

func appendTime(to []byte, t time.Time) []byte {
	const layout = "-01-02 15:04:05.999999999-07:00:00"
	year, suffix := t.Year(), ""
	if year <= 0 {
		year, suffix = 1-year, " BC"
	}
	to = append(to, fmt.Sprintf("%04d", year)...)
	return append(t.AppendFormat(to, layout), suffix...)
}
