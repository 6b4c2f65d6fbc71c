package heimproxy_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"testing"
	"time"

	heimproxy "heimproxy/bindings/go"
)

// The server that the tests run beside; bindings/go/tests/run.py starts it.
var port = os.Getenv("HEIM_TEST_PORT")

// One proxy for most of the tests.
var proxy *heimproxy.Proxy

var ctx = context.Background()

func configText(more string) string {
	return fmt.Sprintf("[proxy]\nlisten_address = []\n%s\n[[nodes]]\nhost = \"127.0.0.1\"\nport = %s\n"+
		"role = \"primary\"\n", more, port)
}

func TestMain(m *testing.M) {
	if port == "" {
		fmt.Println("HEIM_TEST_PORT is not set: bindings/go/tests/run.py runs these tests")
		os.Exit(2)
	}
	var err error
	proxy, err = heimproxy.Open(heimproxy.Config{Text: configText("")})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	code := m.Run()
	proxy.Close()
	os.Exit(code)
}

func options() heimproxy.Options {
	return heimproxy.Options{User: "app", Database: "postgres", Password: "app-secret"}
}

func openWith(t testing.TB, o heimproxy.Options) *sql.DB {
	db := sql.OpenDB(heimproxy.NewConnector(proxy, o))
	t.Cleanup(func() { db.Close() })
	return db
}

func open(t testing.TB) *sql.DB { return openWith(t, options()) }

// single is a DB with one connection.
func single(t testing.TB) *sql.DB {
	db := open(t)
	db.SetMaxOpenConns(1)
	return db
}

func grab(t testing.TB, db *sql.DB) *sql.Conn {
	conn, err := db.Conn(ctx)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// raw calls with the driver's own connection.
func raw(t testing.TB, conn *sql.Conn, call func(c *heimproxy.Conn) error) error {
	return conn.Raw(func(c any) error { return call(c.(*heimproxy.Conn)) })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same[T any](t testing.TB, got, wanted T) {
	t.Helper()
	if any(got) != any(wanted) {
		t.Fatalf("%v, and %v was expected", got, wanted)
	}
}

type executor interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}

func exec(t testing.TB, db executor, query string, args ...any) {
	t.Helper()
	_, err := db.ExecContext(ctx, query, args...)
	must(t, err)
}

type querier interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// one is the only value of a query.
func one[T any](t testing.TB, db querier, query string, args ...any) T {
	t.Helper()
	var value T
	must(t, db.QueryRowContext(ctx, query, args...).Scan(&value))
	return value
}

// table makes one of the test's own, and drops it afterwards.
func table(t testing.TB, db *sql.DB, name, columns string) {
	t.Helper()
	exec(t, db, fmt.Sprintf("drop table if exists %s; create table %s (%s)", name, name, columns))
	t.Cleanup(func() { db.Exec("drop table if exists " + name) })
}

// eventually waits for what others bring about.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 20 seconds", what)
		}
	}
}
