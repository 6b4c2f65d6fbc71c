package heimproxy_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	heimproxy "heimproxy/bindings/go"
)

// count reads the rows away.
func count(t *testing.T, rows *sql.Rows) int {
	t.Helper()
	n := 0
	for rows.Next() {
		n++
	}
	return n
}

func TestCloseInTheMidst(t *testing.T) {
	db := single(t)
	for i := 0; i < 3; i++ {
		rows, err := db.Query("select n, repeat('x', 1000) from generate_series(1, 50000) as n")
		must(t, err)
		same(t, rows.Next(), true)
		must(t, rows.Close())
		must(t, rows.Close())
		same(t, rows.Next(), false)
		same(t, one[int](t, db, "select 7"), 7)
	}
	same(t, db.Stats().OpenConnections, 1)
}

// What a statement does beside its rows is done, however many of them are read.
func TestCloseDoesNotCancel(t *testing.T) {
	db := single(t)
	table(t, db, "kept_rows", "n int")
	var first int
	insert := "insert into kept_rows select n from generate_series(1, 100000) as n returning n"
	must(t, db.QueryRow(insert).Scan(&first))
	same(t, first, 1)
	same(t, one[int](t, db, "select count(*) from kept_rows"), 100000)
}

// What fails behind the rows that are read is told by Close, which QueryRow passes on.
func TestCloseTellsFailure(t *testing.T) {
	db := single(t)
	var n int
	err := db.QueryRow("select 1 / (50000 - n) from generate_series(1, 100000) as n").Scan(&n)
	same(t, errors.Is(err, heimproxy.Code("22012")), true)
	same(t, one[int](t, db, "select 1"), 1)
}

func TestErrorInTheMidst(t *testing.T) {
	db := single(t)
	rows, err := db.Query("select 1 / (50000 - n) from generate_series(1, 100000) as n")
	must(t, err)
	if n := count(t, rows); n == 0 || n > 49999 {
		t.Fatalf("%d rows", n)
	}
	same(t, errors.Is(rows.Err(), heimproxy.Code("22012")), true)
	must(t, rows.Close())
	same(t, one[int](t, db, "select 1"), 1)
}

func memoryKiB(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	must(t, err)
	kib, err := strconv.Atoi(string(regexp.MustCompile(`VmRSS:\s+(\d+)`).FindSubmatch(status)[1]))
	must(t, err)
	return kib
}

// 600 MB come, and the server is not read while nobody asks.
func TestRowsAreStreamed(t *testing.T) {
	db := open(t)
	exec(t, db, "drop sequence if exists ahead; create sequence ahead")
	defer db.Exec("drop sequence ahead")
	rows, err := db.Query("select nextval('ahead'), repeat('x', 2000) from generate_series(1, 300000)")
	must(t, err)
	defer rows.Close()
	same(t, rows.Next(), true)
	if ahead := one[int](t, db, "select last_value from ahead"); ahead > 50000 {
		t.Fatalf("%d rows were made before they were asked for", ahead)
	}
	before := memoryKiB(t)
	var n int
	var text sql.RawBytes
	for read := 2; rows.Next(); read++ {
		must(t, rows.Scan(&n, &text))
		if n != read || len(text) != 2000 {
			t.Fatalf("row %d: %d, %d bytes", read, n, len(text))
		}
	}
	must(t, rows.Err())
	same(t, n, 300000)
	if grown := memoryKiB(t) - before; grown > 200<<10 {
		t.Fatalf("memory grew by %d KiB", grown)
	}
}

func TestNoColumnsAndNoText(t *testing.T) {
	db := open(t)
	rows, err := db.Query("select from generate_series(1, 3)")
	must(t, err)
	same(t, count(t, rows), 3)
	for _, text := range []string{"", "-- nothing", ";"} {
		rows, err = db.Query(text)
		must(t, err)
		same(t, rows.Next(), false)
		must(t, rows.Err())
		exec(t, db, text)
	}
	rows, err = db.Query("create temp table made_by_query (n int)")
	must(t, err)
	same(t, rows.Next(), false)
	must(t, rows.Close())
}

func TestNextResultSet(t *testing.T) {
	db := single(t)
	rows, err := db.Query("select 1; create temp table t (n int); select n, 'x' from generate_series(1, 3) as n; select 2 where false")
	must(t, err)
	var told []string
	for more := true; more; more = rows.NextResultSet() {
		names, err := rows.Columns()
		must(t, err)
		told = append(told, fmt.Sprint(len(names), count(t, rows)))
	}
	must(t, rows.Err())
	same(t, strings.Join(told, ", "), "1 1, 0 0, 2 3, 1 0")
	same(t, rows.NextResultSet(), false)
	// Rows that were not read are passed over.
	rows, err = db.Query("select generate_series(1, 1000); select 'second'")
	must(t, err)
	same(t, rows.Next(), true)
	same(t, rows.NextResultSet(), true)
	same(t, rows.Next(), true)
	var text string
	must(t, rows.Scan(&text))
	same(t, text, "second")
	must(t, rows.Close())
	rows, err = db.Query("select 1; select 2")
	must(t, err)
	must(t, rows.Close())
	same(t, one[int](t, db, "select 3"), 3)
	if _, err = db.Query("select 1; select 1/0"); !errors.Is(err, heimproxy.Code("22012")) {
		t.Fatal(err)
	}
	// One statement has one result.
	rows, err = db.Query("select $1::int", 1)
	must(t, err)
	same(t, rows.NextResultSet(), false)
}

func TestColumnTypes(t *testing.T) {
	rows, err := open(t).Query(`select 1::int8 as a, 'x'::varchar(10) as b, 1.5::numeric(10, 2) as c, now() as d,
		'{}'::jsonb as e, true as f, ''::bytea as g, 2.5::float4 as h, 'x'::text as i, '{1}'::int[] as j,
		1::numeric as k, 12::numeric(3, -1) as l`)
	must(t, err)
	defer rows.Close()
	types, err := rows.ColumnTypes()
	must(t, err)
	var told []string
	for _, column := range types {
		text := column.Name() + " " + column.DatabaseTypeName() + " " + column.ScanType().String()
		if length, ok := column.Length(); ok {
			text += fmt.Sprint(" length ", length)
		}
		if precision, scale, ok := column.DecimalSize(); ok {
			text += fmt.Sprint(" decimal ", precision, " ", scale)
		}
		if _, ok := column.Nullable(); ok {
			t.Fatal("whether it is nullable is not known")
		}
		told = append(told, text)
	}
	const most = "9223372036854775807"
	same(t, strings.Join(told, "\n"), strings.Join([]string{
		"a INT8 int64", "b VARCHAR string length 10", "c NUMERIC string decimal 10 2",
		"d TIMESTAMPTZ time.Time", "e JSONB []uint8 length " + most, "f BOOL bool",
		"g BYTEA []uint8 length " + most, "h FLOAT4 float64", "i TEXT string length " + most,
		"j _INT4 string", "k NUMERIC string", "l NUMERIC string decimal 3 -1"}, "\n"))
}

func TestResults(t *testing.T) {
	db := open(t)
	table(t, db, "affected", "n int")
	for _, c := range []struct {
		sql  string
		rows int64
	}{
		{"insert into affected select generate_series(1, 5)", 5}, {"update affected set n = n + 1 where n > 2", 3},
		{"delete from affected where n = 100", 0}, {"select n from affected", 5}, {"truncate affected", 0},
		{"insert into affected values (1); delete from affected; insert into affected values (1), (2)", 2},
	} {
		result, err := db.Exec(c.sql)
		must(t, err)
		rows, err := result.RowsAffected()
		must(t, err)
		same(t, rows, c.rows)
		if _, err := result.LastInsertId(); err == nil {
			t.Fatal("there is no LastInsertId")
		}
	}
}

// The connection is one: who has rows open on it is told, and loses none.
func TestBusy(t *testing.T) {
	conn := grab(t, open(t))
	rows, err := conn.QueryContext(ctx, "select generate_series(1, 3)")
	must(t, err)
	if _, err := conn.ExecContext(ctx, "select 1"); !errors.Is(err, heimproxy.ErrBusy) {
		t.Fatal(err)
	}
	if _, err := conn.PrepareContext(ctx, "select 1"); !errors.Is(err, heimproxy.ErrBusy) {
		t.Fatal(err)
	}
	same(t, count(t, rows), 3)
	must(t, rows.Err())
	same(t, one[int](t, conn, "select 1"), 1)
}

func TestCopyIsNoQuery(t *testing.T) {
	db := single(t)
	table(t, db, "copied_by_query", "n int")
	for _, text := range []string{"copy copied_by_query from stdin", "copy copied_by_query to stdout",
		"select 1; copy copied_by_query from stdin; select 2"} {
		if _, err := db.Exec(text); err == nil {
			t.Fatalf("%s went well", text)
		}
		rows, err := db.Query(text)
		if err == nil {
			for rows.NextResultSet() {
			}
			err = rows.Err()
		}
		if err == nil {
			t.Fatalf("%s went well as a query", text)
		}
		same(t, one[int](t, db, "select 1"), 1)
	}
	same(t, db.Stats().OpenConnections, 1)
}
