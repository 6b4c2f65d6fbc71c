// Package drivers has pgx and lib/pq, unchanged, behind the socket of a Sidecar.
package drivers

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"

	heimproxy "heimproxy/bindings/go"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sidecar(t testing.TB) *heimproxy.Proxy {
	port := os.Getenv("HEIM_TEST_PORT")
	if port == "" {
		t.Fatal("HEIM_TEST_PORT is not set: bindings/go/tests/run.py runs these tests")
	}
	path := filepath.Join(t.TempDir(), "heimproxy.toml")
	text := fmt.Sprintf("[proxy]\nlisten_address = []\n[[nodes]]\nhost = \"127.0.0.1\"\nport = %s\n", port)
	must(t, os.WriteFile(path, []byte(text), 0o600))
	proxy, err := heimproxy.Sidecar(path)
	must(t, err)
	t.Cleanup(func() { proxy.Close() })
	return proxy
}

func TestPgx(t *testing.T) {
	proxy := sidecar(t)
	conn, err := pgx.Connect(ctx, proxy.DSN("postgres", "app")+" password=app-secret")
	must(t, err)
	defer conn.Close(ctx)
	var user string
	var sum int
	must(t, conn.QueryRow(ctx, "select current_user, $1::int + 2", 40).Scan(&user, &sum))
	if user != "app" || sum != 42 {
		t.Fatalf("%s, %d", user, sum)
	}
	shown, err := proxy.Show("CLIENTS")
	must(t, err)
	if !strings.Contains(fmt.Sprint(shown), "app") {
		t.Fatal(shown)
	}
	batch := &pgx.Batch{}
	for i := 0; i < 10; i++ {
		batch.Queue("select $1::int", i)
	}
	results := conn.SendBatch(ctx, batch)
	for i := 0; i < 10; i++ {
		must(t, results.QueryRow().Scan(&sum))
		if sum != i {
			t.Fatal(sum)
		}
	}
	must(t, results.Close())
}

func TestPgxCancels(t *testing.T) {
	conn, err := pgx.Connect(ctx, sidecar(t).DSN("postgres", "postgres"))
	must(t, err)
	defer conn.Close(ctx)
	short, stop := context.WithTimeout(ctx, 100*time.Millisecond)
	defer stop()
	if _, err := conn.Exec(short, "select pg_sleep(30)"); short.Err() == nil || err == nil {
		t.Fatal(err)
	}
}

// Both by way of database/sql.
func TestDatabaseSQL(t *testing.T) {
	dsn := sidecar(t).DSN("postgres", "app") + " password=app-secret"
	for _, driver := range []string{"pgx", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			db, err := sql.Open(driver, dsn)
			must(t, err)
			defer db.Close()
			table := "from_" + driver
			_, err = db.Exec("create table " + table + " (n int, at timestamptz default now())")
			must(t, err)
			defer db.Exec("drop table " + table)
			insert, err := db.Prepare("insert into " + table + " (n) values ($1)")
			must(t, err)
			defer insert.Close()
			var all sync.WaitGroup
			for i := 0; i < 8; i++ {
				all.Add(1)
				go func(i int) {
					defer all.Done()
					if _, err := insert.Exec(i); err != nil {
						t.Error(err)
					}
				}(i)
			}
			all.Wait()
			tx, err := db.Begin()
			must(t, err)
			_, err = tx.Exec("delete from " + table)
			must(t, err)
			must(t, tx.Rollback())
			var sum int
			must(t, db.QueryRow("select sum(n) from "+table).Scan(&sum))
			if sum != 28 {
				t.Fatal(sum)
			}
		})
	}
}
