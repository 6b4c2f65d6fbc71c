package heimproxy_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	heimproxy "heimproxy/bindings/go"
)

// admin asks the server as its superuser.
func admin(t testing.TB) *sql.DB {
	return openWith(t, heimproxy.Options{User: "postgres"})
}

// sleeper begins a statement that lasts, and returns when the server is at it.
func sleeper(t *testing.T, mark string, run func(sql string) error) chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- run("select pg_sleep(60) /* " + mark + " */") }()
	eventually(t, "the statement runs", func() bool { return running(t, mark) > 0 })
	return done
}

func running(t *testing.T, mark string) int {
	return one[int](t, admin(t), "select count(*) from pg_stat_activity where state = 'active' and "+
		"pid <> pg_backend_pid() and query like '%/* ' || $1 || ' */%'", mark)
}

func TestCancelledStatement(t *testing.T) {
	db := single(t)
	own, cancel := context.WithCancel(ctx)
	done := sleeper(t, "cancelled", func(sql string) error {
		_, err := db.ExecContext(own, sql)
		return err
	})
	cancel()
	if err := <-done; err != context.Canceled {
		t.Fatal(err)
	}
	same(t, running(t, "cancelled"), 0)
	same(t, one[int](t, db, "select 1"), 1)
	same(t, db.Stats().OpenConnections, 1)
}

func TestDeadline(t *testing.T) {
	db := single(t)
	table(t, db, "deadlines", "n int")
	conn := grab(t, db)
	exec(t, conn, "set work_mem = '7MB'")
	for _, text := range []string{"select pg_sleep(60)", "insert into deadlines select 1 from pg_sleep(60)",
		"select 1; select pg_sleep(60)"} {
		own, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		_, err := conn.ExecContext(own, text)
		same(t, err, context.DeadlineExceeded)
		cancel()
	}
	// It is the same session still, and nothing of it was done.
	same(t, one[string](t, conn, "show work_mem"), "7MB")
	same(t, one[int](t, conn, "select count(*) from deadlines"), 0)
}

func TestContextThatEndedBefore(t *testing.T) {
	db := single(t)
	table(t, db, "never_asked", "n int")
	stmt, err := db.Prepare("insert into never_asked values (1)")
	must(t, err)
	defer stmt.Close()
	own, cancel := context.WithCancel(ctx)
	cancel()
	conn := grab(t, db)
	must(t, raw(t, conn, func(c *heimproxy.Conn) error {
		_, err := c.ExecContext(own, "insert into never_asked values (1)", nil)
		same(t, err, context.Canceled)
		_, err = c.QueryContext(own, "insert into never_asked values (1)", nil)
		same(t, err, context.Canceled)
		_, err = c.PrepareContext(own, "select 1")
		same(t, err, context.Canceled)
		_, err = c.CopyIn(own, "copy never_asked from stdin", os.Stdin)
		same(t, err, context.Canceled)
		same(t, c.Ping(own), context.Canceled)
		return nil
	}))
	same(t, one[int](t, conn, "select count(*) from never_asked"), 0)
}

func TestCancelledRows(t *testing.T) {
	db := single(t)
	own, cancel := context.WithCancel(ctx)
	rows, err := db.QueryContext(own, "select n, repeat('x', 1000), case when n > 100000 then pg_sleep(60) end "+
		"from generate_series(1, 200000) as n")
	must(t, err)
	for i := 0; i < 1000; i++ {
		same(t, rows.Next(), true)
	}
	cancel()
	for rows.Next() {
	}
	same(t, errors.Is(rows.Err(), context.Canceled), true)
	rows.Close()
	same(t, one[int](t, db, "select 1"), 1)
	same(t, db.Stats().OpenConnections, 1)
}

// What failed by something else says so, and that the context had ended.
func TestFailedBeforeTheCancel(t *testing.T) {
	own, cancel := context.WithCancel(ctx)
	conn := grab(t, open(t))
	done := sleeper(t, "lost", func(sql string) error {
		_, err := conn.ExecContext(own, sql)
		return err
	})
	pid := one[int](t, admin(t), "select pid from pg_stat_activity where query like '%/* lost */%' and pid <> pg_backend_pid()")
	must(t, syscall.Kill(pid, syscall.SIGSTOP)) // the cancel does not reach it
	cancel()
	exec(t, admin(t), "select pg_terminate_backend($1::int)", pid)
	must(t, syscall.Kill(pid, syscall.SIGCONT))
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// In a transaction, a statement that is cancelled leaves it failed.
func TestCancelledInTransaction(t *testing.T) {
	db := single(t)
	tx, err := db.Begin()
	must(t, err)
	own, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = tx.ExecContext(own, "select pg_sleep(60)")
	same(t, err, context.DeadlineExceeded)
	_, err = tx.Exec("select 1")
	same(t, errors.Is(err, heimproxy.Code("25P02")), true)
	must(t, tx.Rollback())
	same(t, one[int](t, db, "select 1"), 1)
}

// Waiting for a server of the pool is waiting too.
func TestCancelledInTheQueue(t *testing.T) {
	small, err := heimproxy.Open(heimproxy.Config{Text: configText("pool_size = 1")})
	must(t, err)
	defer small.Close()
	db := sql.OpenDB(heimproxy.NewConnector(small, options()))
	defer db.Close()
	tx, err := db.Begin()
	must(t, err)
	exec(t, tx, "select 1")
	own, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = db.ExecContext(own, "select 1")
	same(t, errors.Is(err, context.DeadlineExceeded), true)
	must(t, tx.Rollback())
	same(t, one[int](t, db, "select 1"), 1)
}

// A server that does not answer holds nobody up for longer than CancelWait. The statement is not
// asked again.
func TestSilentServer(t *testing.T) {
	o := options()
	o.CancelWait = 200 * time.Millisecond
	db := openWith(t, o)
	conn := grab(t, db)
	exec(t, db, "drop sequence if exists asked; create sequence asked")
	t.Cleanup(func() { db.Exec("drop sequence asked") })
	tx, err := conn.BeginTx(ctx, nil)
	must(t, err)
	pid := one[int](t, tx, "select pg_backend_pid()")
	must(t, syscall.Kill(pid, syscall.SIGSTOP))
	defer syscall.Kill(pid, syscall.SIGCONT)
	own, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	before := time.Now()
	_, err = tx.ExecContext(own, "select nextval('asked')")
	same(t, err, context.DeadlineExceeded)
	if waited := time.Since(before); waited > 10*time.Second {
		t.Fatalf("it took %v", waited)
	}
	if err := tx.Commit(); err == nil {
		t.Fatal("nobody knows of a commit")
	}
	same(t, one[bool](t, db, "select is_called from asked"), false)
	must(t, syscall.Kill(pid, syscall.SIGCONT))
	conn.Close()
	same(t, one[int](t, db, "select 1"), 1)
}

// A login that gets no answer is not waited for.
func TestCancelledLogin(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer mute.Close()
	text := fmt.Sprintf("[proxy]\nlisten_address = []\n[[nodes]]\nhost = \"127.0.0.1\"\nport = %d\n",
		mute.Addr().(*net.TCPAddr).Port)
	proxy, err := heimproxy.Open(heimproxy.Config{Text: text})
	must(t, err)
	defer proxy.Close()
	db := sql.OpenDB(heimproxy.NewConnector(proxy, options()))
	defer db.Close()
	own, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	before := time.Now()
	if err := db.PingContext(own); err == nil {
		t.Fatal("somebody answered")
	}
	if waited := time.Since(before); waited > 10*time.Second {
		t.Fatalf("it took %v", waited)
	}
}

func threads(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	must(t, err)
	n, err := strconv.Atoi(string(regexp.MustCompile(`Threads:\s+(\d+)`).FindSubmatch(status)[1]))
	must(t, err)
	return n
}

// Many goroutines wait, and the threads are far fewer.
func TestManyWaiters(t *testing.T) {
	const waiters = 450
	own, err := heimproxy.Open(heimproxy.Config{Text: configText("pool_size = 4")})
	must(t, err)
	defer own.Close()
	db := sql.OpenDB(heimproxy.NewConnector(own, options()))
	defer db.Close()
	lock := grab(t, open(t))
	exec(t, lock, "select pg_advisory_lock(77)")
	before := threads(t)
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	var all, cancelled sync.WaitGroup
	wait := func(ctx context.Context, done *sync.WaitGroup, wanted error) {
		done.Add(1)
		go func() {
			defer done.Done()
			if _, err := db.ExecContext(ctx, "select pg_advisory_xact_lock_shared(77)"); err != wanted {
				t.Error(err)
			}
		}()
	}
	for i := 0; i < waiters; i++ {
		wait(ctx, &all, nil)
		wait(short, &cancelled, context.Canceled)
	}
	eventually(t, "all wait", func() bool { return clientsWaiting(t, own) >= 2*waiters-4 })
	if more := threads(t) - before; more > waiters {
		t.Fatalf("%d threads for %d waiters", more, 2*waiters)
	}
	cancel()
	cancelled.Wait()
	exec(t, lock, "select pg_advisory_unlock(77)")
	all.Wait()
}

func clientsWaiting(t *testing.T, p *heimproxy.Proxy) int {
	pools, err := p.Show("POOLS")
	must(t, err)
	waiting := 0
	for _, pool := range pools {
		n, _ := strconv.Atoi(pool["cl_waiting"])
		waiting += n
	}
	return waiting
}
