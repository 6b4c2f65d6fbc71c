package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"

	heimproxy "heimproxy/bindings/go"
)

var expectations = []string{"rows", "count", "columns", "types", "tag", "affected", "results", "error",
	"cached", "until"}

// An answer is what came of one statement. database/sql tells no tag, and of a query not how many
// rows a statement without columns affected.
type answer struct {
	columns, types []any
	rows           []any // nil: they were not asked for
	affected       int   // below 0: not told
}

// A mismatch is a failure of the script's, and none of a statement.
type mismatch struct{ error }

func mismatched(format string, args ...any) error { return mismatch{fmt.Errorf(format, args...)} }

func expect(step object, answers []answer, err error) error {
	if errors.As(err, &mismatch{}) {
		return err
	}
	wanted, fails := step["error"].(object)
	if err != nil && fails {
		return expectFailure(wanted, err)
	}
	if err != nil {
		return err
	}
	if fails {
		return mismatched("succeeded, and should fail with %s", text(wanted))
	}
	results, several := step["results"].([]any)
	if !several {
		for _, key := range expectations[:6] {
			if _, asked := step[key]; asked {
				results = []any{step}
			}
		}
		if results == nil {
			return nil
		}
	}
	if len(results) != len(answers) {
		return mismatched("%d results, and %d were expected", len(answers), len(results))
	}
	for i, result := range results {
		if several {
			if err := knows(result.(object), expectations[:6]...); err != nil {
				return mismatch{err}
			}
		}
		if err := expectAnswer(result.(object), &answers[i]); err != nil {
			return err
		}
	}
	return nil
}

func expectAnswer(wanted object, came *answer) error {
	for key, value := range wanted {
		var err error
		switch key {
		case "columns":
			err = expectSame(key, value, came.columns)
		case "types":
			err = expectSame(key, value, came.types)
		case "rows":
			err = expectSame(key, value, came.rows)
		case "count":
			err = expectSame(key, value, int64(len(came.rows)))
		case "affected":
			err = expectAffected(text(value), came)
		case "tag":
			words := strings.Fields(value.(string))
			last := words[len(words)-1]
			if _, number := strconv.Atoi(last); number == nil {
				err = expectAffected(last, came)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func expectAffected(wanted string, came *answer) error {
	if came.affected >= 0 && strconv.Itoa(came.affected) != wanted {
		return mismatched("affected: expected %s, got %d", wanted, came.affected)
	}
	return nil
}

func expectSame(what string, wanted, came any) error {
	if text(wanted) != text(came) {
		return mismatched("%s: expected %s, got %s", what, text(wanted), text(came))
	}
	return nil
}

func expectPart(what, part, whole string) error {
	if !strings.Contains(whole, part) {
		return mismatched("%s: expected a part %q, got %q", what, part, whole)
	}
	return nil
}

// told is the error in the words of the script. A context that was cancelled has no SQLSTATE in Go.
func told(err error) (failure heimproxy.Error, ended bool) {
	var found *heimproxy.Error
	switch {
	case errors.As(err, &found):
		failure = *found
	case errors.Is(err, context.Canceled):
		failure.Code = heimproxy.QueryCanceled
	}
	if failure.Message == "" {
		failure.Message = err.Error()
	}
	ended = errors.Is(err, heimproxy.Closed) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
	return failure, ended
}

func expectFailure(wanted object, err error) error {
	if err := knows(wanted, "sqlstate", "message", "fields", "ended"); err != nil {
		return mismatch{err}
	}
	came, ended := told(err)
	if right, asked := wanted["sqlstate"]; asked {
		list, isList := right.([]any)
		if !isList {
			list = []any{right}
		}
		if !strings.Contains(text(list), text(string(came.Code))) {
			return mismatched("sqlstate: expected %s: %v", text(right), err)
		}
	}
	if wantsEnd, _ := wanted["ended"].(bool); wantsEnd != ended {
		return mismatched("ended: expected %v: %v", wantsEnd, err)
	}
	if part, asked := wanted["message"].(string); asked {
		if err := expectPart("message", part, came.Message); err != nil {
			return err
		}
	}
	fields := map[string]string{"D": came.Detail, "H": came.Hint, "P": strconv.Itoa(came.Position),
		"s": came.Schema, "t": came.Table, "c": came.Column, "n": came.Constraint}
	parts, _ := wanted["fields"].(object)
	for letter, part := range parts {
		field, known := fields[letter]
		if !known {
			return mismatched("unknown field %q", letter)
		}
		if err := expectPart("field "+letter, part.(string), field); err != nil {
			return err
		}
	}
	return nil
}
