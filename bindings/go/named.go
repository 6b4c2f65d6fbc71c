package heimproxy

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// numbered makes $1, $2, ... of the named values of a statement, which writes them @name:
//
//	db.Query("select name from items where price < @limit", sql.Named("limit", 10))
//
// Only the names that are given count, outside of texts, quoted names and comments, and not behind a
// word or within an operator: whatever else has an @ stays as it is. A value may be used often.
func numbered(sql string, args []driver.NamedValue) (string, []driver.NamedValue, error) {
	given := 0
	for i := range args {
		if args[i].Name != "" {
			given++
		}
	}
	if given == 0 {
		return sql, args, nil
	}
	if given < len(args) {
		return "", nil, errors.New("heimproxy: values are either all named or all in order")
	}
	byName := make(map[string]int, len(args))
	for i := range args {
		if _, twice := byName[args[i].Name]; twice {
			return "", nil, fmt.Errorf("heimproxy: the value %q is given twice", args[i].Name)
		}
		byName[args[i].Name] = i
	}
	return replaceNames(sql, args, byName)
}

func replaceNames(sql string, args []driver.NamedValue, byName map[string]int) (string, []driver.NamedValue, error) {
	var out strings.Builder
	places := make(map[string]int, len(args))
	var used []driver.NamedValue
	for at := 0; at < len(sql); {
		name := nameAt(sql, at)
		index, known := byName[name]
		if name == "" || !known {
			end := skipToken(sql, at)
			out.WriteString(sql[at:end])
			at = end
			continue
		}
		if places[name] == 0 {
			used = append(used, args[index])
			places[name] = len(used)
		}
		out.WriteString("$" + strconv.Itoa(places[name]))
		at += 1 + len(name)
	}
	for name := range byName {
		if places[name] == 0 {
			return "", nil, fmt.Errorf("heimproxy: the statement has no @%s", name)
		}
	}
	return out.String(), used, nil
}

const operators = "+-*/<>=~!@#%^&|`?"

// nameAt is the name of an @name that begins there, "" if none does.
func nameAt(sql string, at int) string {
	if sql[at] != '@' {
		return ""
	}
	if at > 0 && (isWord(sql[at-1], true) || strings.IndexByte(operators, sql[at-1]) >= 0) {
		return ""
	}
	end := at + 1
	for end < len(sql) && isWord(sql[end], end > at+1) {
		end++
	}
	return sql[at+1 : end]
}

func isWord(c byte, digits bool) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 || digits && c >= '0' && c <= '9'
}

// skipToken is where what begins there ends: a text, a quoted name, a comment, a word or a character.
func skipToken(sql string, at int) int {
	rest := sql[at:]
	switch {
	case rest[0] == '\'':
		return skipQuoted(sql, at, '\'', false)
	case rest[0] == '"':
		return skipQuoted(sql, at, '"', false)
	case strings.HasPrefix(rest, "--"):
		return at + through(rest, "\n")
	case strings.HasPrefix(rest, "/*"):
		return skipComment(sql, at)
	case rest[0] == '$':
		return skipDollar(sql, at)
	case isWord(rest[0], true):
		end := at + 1
		for end < len(sql) && (isWord(sql[end], true) || sql[end] == '$') {
			end++
		}
		if end == at+1 && rest[0]|0x20 == 'e' && end < len(sql) && sql[end] == '\'' {
			return skipQuoted(sql, end, '\'', true)
		}
		return end
	}
	return at + 1
}

// through is the length up to the end of what is searched, or of all.
func through(text, searched string) int {
	if found := strings.Index(text, searched); found >= 0 {
		return found + len(searched)
	}
	return len(text)
}

// skipQuoted: a quote that is doubled does not end it, which two texts side by side amount to.
func skipQuoted(sql string, at int, quote byte, escapes bool) int {
	for i := at + 1; i < len(sql); i++ {
		if escapes && sql[i] == '\\' {
			i++
		} else if sql[i] == quote {
			return i + 1
		}
	}
	return len(sql)
}

// skipComment: they nest.
func skipComment(sql string, at int) int {
	depth := 0
	for i := at; i < len(sql); i++ {
		if strings.HasPrefix(sql[i:], "/*") {
			depth++
			i++
		} else if strings.HasPrefix(sql[i:], "*/") {
			i++
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(sql)
}

// skipDollar: $1 is a parameter, $$ and $tag$ begin a text.
func skipDollar(sql string, at int) int {
	end := at + 1
	for end < len(sql) && isWord(sql[end], end > at+1) {
		end++
	}
	if end == len(sql) || sql[end] != '$' {
		return end
	}
	tag := sql[at : end+1]
	return at + len(tag) + through(sql[at+len(tag):], tag)
}
