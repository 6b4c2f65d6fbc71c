package heimproxy

import (
	"database/sql/driver"
	"testing"
)

func TestNamedValues(t *testing.T) {
	for _, c := range []struct{ sql, wanted string }{
		{"select @a", "select $1"}, {"select @b, @a, @b", "select $1, $2, $1"}, {"@a", "$1"},
		{"select '@a', @a", "select '@a', $1"}, {`select "@a", @a`, `select "@a", $1`},
		{"select 'it''s @a', @a", "select 'it''s @a', $1"}, {`select E'\'@a', @a`, `select E'\'@a', $1`},
		{`select e'@a', 'a\', @a`, `select e'@a', 'a\', $1`}, {"select me'@a', @a", "select me'@a', $1"},
		{"select @a -- @a\n, @a", "select $1 -- @a\n, $1"}, {"select /* @a /* @a */ @a */ @a", "select /* @a /* @a */ @a */ $1"},
		{"select $$ @a $$, $x$ @a $$ @a $x$, @a", "select $$ @a $$, $x$ @a $$ @a $x$, $1"},
		{"select a <@a, a @> @a", "select a <@a, a @> $1"}, {"select @@a, @ a, @x, @a", "select @@a, @ a, @x, $1"},
		{"select x@a", ""}, {"select (@a)::text||@b", "select ($1)::text||@b"}, {"select @ab, @a", "select @ab, $1"},
		{"select @a$x$ @b $x$", "select $1$x$ @b $x$"}, {"select 'open @b, @a", ""}, {"select @a1, @a", "select @a1, $1"},
	} {
		args := []driver.NamedValue{{Name: "a", Value: "A"}}
		if c.wanted == "select $1, $2, $1" {
			args = append(args, driver.NamedValue{Name: "b", Value: "B"})
		}
		got, values, err := numbered(c.sql, args)
		if (err != nil) != (c.wanted == "") || got != c.wanted || err == nil && len(values) != len(args) {
			t.Errorf("%s: %s, %v, %v", c.sql, got, values, err)
		}
		if len(values) == 2 && values[0].Value != "B" {
			t.Errorf("the values are in the order %v", values)
		}
	}
}

func TestNamedValuesThatAreWrong(t *testing.T) {
	named := func(names ...string) (args []driver.NamedValue) {
		for i, name := range names {
			args = append(args, driver.NamedValue{Name: name, Ordinal: i + 1})
		}
		return args
	}
	for _, args := range [][]driver.NamedValue{named("a", ""), named("a", "a"), named("b"), named("a", "b")} {
		if _, _, err := numbered("select @a", args); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
	if text, _, err := numbered("select @a", named("")); err != nil || text != "select @a" {
		t.Error(text, err)
	}
}
