package heimproxy_test

import (
	"database/sql"
	"errors"
	"sync"
	"testing"

	heimproxy "heimproxy/bindings/go"
)

func TestPrepared(t *testing.T) {
	db := single(t)
	stmt, err := db.Prepare("select $1::int + 22, $2::text")
	must(t, err)
	for i := 0; i < 100; i++ {
		var n int
		var text sql.NullString
		must(t, stmt.QueryRow(i, nil).Scan(&n, &text))
		same(t, n, i+22)
		same(t, text.Valid, false)
	}
	for _, args := range [][]any{{}, {1}, {1, 2, 3}} {
		if _, err := stmt.Exec(args...); err == nil {
			t.Fatalf("%d values for two parameters were taken", len(args))
		}
	}
	if _, err := stmt.Exec(sql.Named("a", 1), sql.Named("b", 2)); err == nil {
		t.Fatal("a prepared statement took named values")
	}
	must(t, stmt.Close())
	must(t, stmt.Close())
	if _, err := stmt.Exec(1, "x"); err == nil {
		t.Fatal("a closed statement ran")
	}
	_, err = db.Prepare("selec 1")
	same(t, errors.Is(err, heimproxy.Code("42601")), true)
	same(t, one[int](t, db, "select 1"), 1)
	same(t, one[int](t, db, "select count(*) from pg_prepared_statements where name like 'heim_go%'"), 0)
}

// One statement, wherever database/sql runs it.
func TestPreparedOnManyConnections(t *testing.T) {
	db := open(t)
	stmt, err := db.Prepare("select $1::int * 2")
	must(t, err)
	defer stmt.Close()
	var all sync.WaitGroup
	for i := 0; i < 16; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for j := 0; j < 50; j++ {
				var n int
				if err := stmt.QueryRow(i).Scan(&n); err != nil || n != 2*i {
					t.Error(n, err)
					return
				}
			}
		}(i)
	}
	all.Wait()
}

// It lives on where its session is replaced, or forgets it.
func TestPreparedOutlivesItsSession(t *testing.T) {
	db := single(t)
	stmt, err := db.Prepare("select $1::text || current_setting('work_mem')")
	must(t, err)
	defer stmt.Close()
	wanted := "x" + one[string](t, db, "show work_mem")
	for _, text := range []string{"set work_mem = '7MB'", "deallocate all", "discard all", "create temp table mine (n int)"} {
		exec(t, db, text)
		var got string
		must(t, stmt.QueryRow("x").Scan(&got))
		same(t, got, wanted)
	}
	conn := grab(t, db)
	within, err := conn.PrepareContext(ctx, "select $1::int")
	must(t, err)
	exec(t, conn, "deallocate all")
	var n int
	must(t, within.QueryRow(5).Scan(&n))
	same(t, n, 5)
	must(t, within.Close())
}

func TestPreparedSeesItsTableChange(t *testing.T) {
	db := open(t)
	table(t, db, "changing", "n int")
	stmt, err := db.Prepare("insert into changing (n) values ($1)")
	must(t, err)
	defer stmt.Close()
	_, err = stmt.Exec(1)
	must(t, err)
	exec(t, db, "alter table changing add column m int default 7")
	_, err = stmt.Exec(2)
	must(t, err)
	same(t, one[int](t, db, "select sum(n + m) from changing"), 17)
}
