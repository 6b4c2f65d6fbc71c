package heimproxy_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"testing"

	heimproxy "heimproxy/bindings/go"
)

// Whoever gets a connection of the pool finds nothing of who had it before.
func TestNothingIsLeftBehind(t *testing.T) {
	db := single(t)
	usual := one[string](t, db, "show work_mem")
	for _, text := range []string{"set work_mem = '7MB'", "select set_config('work_mem', '7MB', false)",
		"select 1; set work_mem = '7MB'; select 2", "begin; set work_mem = '7MB'"} {
		exec(t, db, text)
		same(t, one[string](t, db, "show work_mem"), usual)
	}
	_, err := db.Exec("set work_mem = '7MB'; commit; select 1/0")
	same(t, errors.Is(err, heimproxy.Code("22012")), true)
	same(t, one[string](t, db, "show work_mem"), usual)
	exec(t, db, "create temp table left_over (n int)")
	exec(t, db, "select 1 as n into temp left_over_too")
	same(t, one[bool](t, db, "select to_regclass('pg_temp.left_over') is null and to_regclass('pg_temp.left_over_too') is null"), true)
	exec(t, db, "listen left_over")
	same(t, one[int](t, db, "select count(*) from pg_listening_channels()"), 0)
	exec(t, db, "begin")
	conn, err := db.Conn(ctx)
	must(t, err)
	must(t, raw(t, conn, func(c *heimproxy.Conn) error { same(t, c.Transaction(), heimproxy.NoTransaction); return nil }))
	must(t, conn.Close())
	exec(t, db, "prepare left_over as select 1")
	_, err = db.Exec("execute left_over")
	same(t, errors.Is(err, heimproxy.Code("26000")), true)
}

// A connection of the pool is reused where nothing can be left behind.
func TestReuse(t *testing.T) {
	db := single(t)
	same(t, isReused(t, db, func(c *sql.Conn) { one[int](t, c, "select 1") }), true)
	same(t, isReused(t, db, func(c *sql.Conn) { exec(t, c, "set work_mem = '7MB'") }), false)
	same(t, isReused(t, db, func(c *sql.Conn) { exec(t, c, "begin") }), false)
	o := options()
	o.ResetAlways = true
	always := openWith(t, o)
	same(t, isReused(t, always, func(c *sql.Conn) { one[int](t, c, "select 1") }), false)
}

func isReused(t *testing.T, db *sql.DB, use func(*sql.Conn)) bool {
	var found [2]*heimproxy.Conn
	for i := range found {
		conn, err := db.Conn(ctx)
		must(t, err)
		must(t, raw(t, conn, func(c *heimproxy.Conn) error { found[i] = c; return nil }))
		use(conn)
		must(t, conn.Close())
	}
	return found[0] == found[1]
}

// What is left behind is gone when the connection is given back, not when the next one comes.
func TestServersAreFreed(t *testing.T) {
	db := single(t)
	other := open(t)
	exec(t, db, "select pg_advisory_lock(6)")
	eventually(t, "the lock is free", func() bool {
		tx, err := other.Begin()
		must(t, err)
		defer tx.Rollback()
		return one[bool](t, tx, "select pg_try_advisory_xact_lock(6)")
	})
}

func TestParallelUse(t *testing.T) {
	db := open(t)
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(4)
	table(t, db, "parallel", "who int, n int")
	var all sync.WaitGroup
	for who := 0; who < 32; who++ {
		all.Add(1)
		go func(who int) {
			defer all.Done()
			for n := 0; n < 20; n++ {
				if err := parallelStep(db, who, n); err != nil {
					t.Error(err)
					return
				}
			}
		}(who)
	}
	all.Wait()
	same(t, one[int](t, db, "select count(*) from parallel"), 32*10)
	if stats := db.Stats(); stats.OpenConnections > 8 || stats.InUse != 0 {
		t.Fatalf("%+v", stats)
	}
}

// Every other step is rolled back.
func parallelStep(db *sql.DB, who, n int) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.Exec("insert into parallel values ($1, $2)", who, n); err != nil {
		return err
	}
	rows, err := tx.Query("select who from parallel where who = $1", who)
	if err != nil {
		return err
	}
	for rows.Next() {
		var got int
		if err := rows.Scan(&got); err != nil || got != who {
			return fmt.Errorf("%d instead of %d: %v", got, who, err)
		}
	}
	if err := rows.Close(); err != nil || n%2 == 0 {
		return err
	}
	return tx.Commit()
}

// A connection that is lost is told to who used it, once; the pool goes on with another.
func TestLostConnection(t *testing.T) {
	db := single(t)
	exec(t, db, "drop sequence if exists runs; create sequence runs")
	t.Cleanup(func() { db.Exec("drop sequence runs") })
	_, err := db.Exec("select nextval('runs'), pg_terminate_backend(pg_backend_pid())")
	if err == nil || errors.Is(err, driver.ErrBadConn) {
		t.Fatal(err)
	}
	var told *heimproxy.Error
	same(t, errors.As(err, &told), true)
	// It ran once.
	same(t, one[int](t, db, "select last_value from runs"), 1)

	tx, err := db.Begin()
	must(t, err)
	pid := one[int](t, tx, "select pg_backend_pid()")
	exec(t, admin(t), "select pg_terminate_backend($1::int)", pid)
	eventually(t, "the transaction is lost", func() bool {
		_, err := tx.Exec("select 1")
		return err != nil
	})
	if err := tx.Commit(); err == nil {
		t.Fatal("a transaction was committed without its server")
	}
	same(t, one[int](t, db, "select 1"), 1)
}

// A session that ended while its connection lay in the pool: nobody hears of it.
func TestEndedInThePool(t *testing.T) {
	o := options()
	o.ApplicationName = "ended in the pool"
	db := openWith(t, o)
	db.SetMaxOpenConns(1)
	exec(t, db, "select 1")
	conn := grab(t, db)
	var kept *heimproxy.Conn
	must(t, raw(t, conn, func(c *heimproxy.Conn) error { kept = c; return nil }))
	must(t, conn.Close())
	kept.EndSessionForTest()
	same(t, one[int](t, db, "select 1"), 1)
	same(t, kept.IsValid(), false)
	same(t, kept.ResetSession(ctx), driver.ErrBadConn)
	same(t, kept.Ping(ctx), driver.ErrBadConn)
	_, err := kept.QueryContext(ctx, "select 1", nil)
	same(t, err, driver.ErrBadConn)
	_, err = kept.BeginTx(ctx, driver.TxOptions{})
	same(t, err, driver.ErrBadConn)
	_, err = kept.PrepareContext(ctx, "select 1")
	same(t, err, driver.ErrBadConn)
	must(t, kept.Close())
	must(t, kept.Close())
}

// The program says that a connection is of no use.
func TestRawBadConnection(t *testing.T) {
	db := single(t)
	conn := grab(t, db)
	err := conn.Raw(func(any) error { return driver.ErrBadConn })
	same(t, errors.Is(err, driver.ErrBadConn), true)
	same(t, errors.Is(conn.Close(), sql.ErrConnDone), true)
	same(t, one[int](t, db, "select 1"), 1)
}

func TestClosing(t *testing.T) {
	db := open(t)
	conn := grab(t, db)
	must(t, conn.Close())
	same(t, errors.Is(conn.Close(), sql.ErrConnDone), true)
	_, err := conn.ExecContext(ctx, "select 1")
	same(t, errors.Is(err, sql.ErrConnDone), true)
	rows, err := db.Query("select generate_series(1, 1000)")
	must(t, err)
	same(t, rows.Next(), true)
	must(t, db.Close())
	must(t, db.Close())
	if err := db.Ping(); err == nil {
		t.Fatal("a closed DB answered")
	}
	must(t, rows.Close())
}

func TestPing(t *testing.T) {
	db := single(t)
	must(t, db.Ping())
	own, cancel := context.WithTimeout(ctx, 1e10)
	defer cancel()
	must(t, db.PingContext(own))
	wrong := options()
	wrong.Database = "nowhere"
	err := openWith(t, wrong).Ping()
	same(t, errors.Is(err, heimproxy.Code("3D000")), true)
	wrong = options()
	wrong.Settings = map[string]string{"no_such_setting": "1"}
	if err := openWith(t, wrong).Ping(); err == nil {
		t.Fatal("a setting that there is not was taken")
	}
}
