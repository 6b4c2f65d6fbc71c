package heimproxy_test

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"

	heimproxy "heimproxy/bindings/go"
)

func TestFirstQuery(t *testing.T) {
	db := open(t)
	same(t, one[int](t, db, "select 42"), 42)
	same(t, one[string](t, db, "select current_user"), "app")
	same(t, one[int](t, db, "select $1::int + $2", 40, 2), 42)
}

func TestRowsOfSeveralColumns(t *testing.T) {
	rows, err := open(t).Query("select n, 'x' || n from generate_series(1, 3) as n order by n")
	must(t, err)
	defer rows.Close()
	names, err := rows.Columns()
	must(t, err)
	same(t, fmt.Sprint(names), "[n ?column?]")
	count := 0
	for rows.Next() {
		var n int
		var text string
		must(t, rows.Scan(&n, &text))
		count++
		same(t, n, count)
		same(t, text, fmt.Sprintf("x%d", n))
	}
	must(t, rows.Err())
	same(t, count, 3)
}

func TestNoRows(t *testing.T) {
	var n int
	err := open(t).QueryRow("select 1 where false").Scan(&n)
	same(t, errors.Is(err, sql.ErrNoRows), true)
}

func TestErrorOfServer(t *testing.T) {
	db := open(t)
	_, err := db.Exec("select nonsense")
	var told *heimproxy.Error
	if !errors.As(err, &told) {
		t.Fatal(err)
	}
	same(t, told.Code, "42703")
	same(t, told.Position, 8)
	same(t, errors.Is(err, heimproxy.Server), true)
	same(t, errors.Is(err, heimproxy.Code("42")), true)
	same(t, errors.Is(err, heimproxy.Code("23")), false)
	same(t, one[int](t, db, "select 1"), 1)
}
