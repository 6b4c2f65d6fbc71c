package heimproxy_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	heimproxy "heimproxy/bindings/go"
)

func configFile(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "heimproxy.toml")
	must(t, os.WriteFile(path, []byte(configText("")), 0o600))
	return path
}

func TestWrongConfigurations(t *testing.T) {
	_, err := heimproxy.Open(heimproxy.Config{Text: "[proxy]\npool_sise = 3\nnonsense = 1\n"})
	var told *heimproxy.Error
	same(t, errors.As(err, &told), true)
	same(t, errors.Is(err, heimproxy.ConfigWrong), true)
	same(t, strings.Contains(told.Detail, "pool_size"), true)
	same(t, strings.Contains(told.Detail, "nonsense"), true)
	for _, config := range []heimproxy.Config{{}, {File: "x", Text: "y"}, {File: "/no/such/file.toml"}} {
		if _, err := heimproxy.Open(config); err == nil {
			t.Fatalf("%+v was taken", config)
		}
	}
}

func TestShowAndExplain(t *testing.T) {
	one[int](t, open(t), "select 1")
	pools, err := proxy.Show("POOLS")
	must(t, err)
	found := false
	for _, pool := range pools {
		found = found || pool["user"] == "app" && pool["database"] == "postgres"
	}
	same(t, found, true)
	_, err = proxy.Show("NONSENSE")
	same(t, errors.Is(err, heimproxy.Server), true)
	explained, err := proxy.Explain(ctx, options(), "select 1")
	must(t, err)
	same(t, strings.HasPrefix(explained["node"], "127.0.0.1"), true)
	same(t, regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(heimproxy.Version()), true)
}

// A proxy for other drivers alone.
func TestNoSeats(t *testing.T) {
	own, err := heimproxy.Open(heimproxy.Config{Text: configText(""), Seats: -2, Sidecar: true})
	must(t, err)
	defer own.Close()
	same(t, own.DSN("postgres", "app") != "", true)
	db := sql.OpenDB(heimproxy.NewConnector(own, options()))
	defer db.Close()
	same(t, errors.Is(db.Ping(), heimproxy.WrongState), true)
}

func TestReload(t *testing.T) {
	path := configFile(t)
	own, err := heimproxy.Open(heimproxy.Config{File: path})
	must(t, err)
	defer own.Close()
	must(t, own.Reload())
	must(t, os.WriteFile(path, []byte("nonsense"), 0o600))
	same(t, errors.Is(own.Reload(), heimproxy.ConfigWrong), true)
	must(t, os.WriteFile(path, []byte(configText("pool_size = 3")), 0o600))
	must(t, own.Reload())
}

func TestStopAndWait(t *testing.T) {
	own, err := heimproxy.Open(heimproxy.Config{Text: configText("")})
	must(t, err)
	db := sql.OpenDB(heimproxy.NewConnector(own, options()))
	conn := grab(t, db)
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	same(t, own.Wait(short), context.DeadlineExceeded)
	must(t, own.Stop(heimproxy.WaitForClients))
	must(t, conn.Close())
	must(t, db.Close())
	must(t, own.Wait(ctx))
	must(t, own.Close())
	must(t, own.Close())
	if _, err := own.Show("POOLS"); err == nil {
		t.Fatal("a closed proxy answered")
	}
	if err := own.Stop(heimproxy.StopNow); err == nil {
		t.Fatal("a closed proxy answered")
	}
	db = sql.OpenDB(heimproxy.NewConnector(own, options()))
	defer db.Close()
	if err := db.Ping(); err == nil {
		t.Fatal("a closed proxy answered")
	}
}

// Whatever its sessions are at, a proxy that is closed ends them, and they say so.
func TestCloseWhileInUse(t *testing.T) {
	own, err := heimproxy.Open(heimproxy.Config{Text: configText("")})
	must(t, err)
	db := sql.OpenDB(heimproxy.NewConnector(own, options()))
	defer db.Close()
	var all sync.WaitGroup
	for i := 0; i < 100; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			query := "select pg_sleep(60)"
			if i%4 == 0 {
				query = "select repeat('x', 1000) from generate_series(1, 10000000)"
			}
			rows, err := db.Query(query)
			if err == nil {
				for rows.Next() {
				}
				err = rows.Err()
			}
			if err == nil {
				t.Error("it went well")
			}
		}(i)
	}
	eventually(t, "they are at it", func() bool { return clientsWaiting(t, own) > 50 })
	must(t, own.Close())
	all.Wait()
}

func TestLog(t *testing.T) {
	var mutex sync.Mutex
	var lines []string
	own, err := heimproxy.Open(heimproxy.Config{Text: configText(""), LogLevel: heimproxy.LogDebug,
		Log: func(level heimproxy.LogLevel, line string) {
			mutex.Lock()
			defer mutex.Unlock()
			if level < heimproxy.LogDebug || level > heimproxy.LogError {
				t.Errorf("level %d", level)
			}
			lines = append(lines, line)
		}})
	must(t, err)
	db := sql.OpenDB(heimproxy.NewConnector(own, options()))
	one[int](t, db, "select 1")
	must(t, db.Close())
	must(t, own.Close()) // all lines have been told then
	if len(lines) == 0 || strings.ContainsAny(strings.Join(lines, ""), "\x00\n") {
		t.Fatalf("%q", lines)
	}
}

func TestSQLOpen(t *testing.T) {
	path := configFile(t)
	dsn := "config='" + path + "' user=app dbname = postgres password='app-secret' work_mem=7MB application_name='it\\'s'"
	first, err := sql.Open("heimproxy", dsn)
	must(t, err)
	second, err := sql.Open("heimproxy", dsn)
	must(t, err)
	same(t, one[string](t, first, "show work_mem"), "7MB")
	same(t, one[string](t, first, "show application_name"), "it's")
	must(t, first.Close())
	same(t, one[int](t, second, "select 1"), 1) // the proxy is the second's, too
	must(t, second.Close())
	_, isOne := first.Driver().(heimproxy.Driver)
	same(t, isOne, true)

	conn, err := first.Driver().Open(dsn)
	must(t, err)
	must(t, conn.Close())
	for _, wrong := range []string{"", "user=app", "config", "config='" + path, "=x", "config=/no/such/file.toml user=app"} {
		if _, err := sql.Open("heimproxy", wrong); err == nil {
			t.Fatalf("%q was taken", wrong)
		}
	}
}

func TestDSN(t *testing.T) {
	sidecar, err := heimproxy.Sidecar(configFile(t))
	must(t, err)
	defer sidecar.Close()
	dsn := sidecar.DSN("postgres", "app")
	same(t, regexp.MustCompile(`^host='/.*' port=\d+ dbname='postgres' user='app'$`).MatchString(dsn), true)
	same(t, strings.Contains(sidecar.DSN("", ""), "dbname"), false)
	defer func() {
		if recover() == nil {
			t.Fatal("a proxy without a socket had a DSN")
		}
	}()
	proxy.DSN("postgres", "app")
}

func descriptors(t *testing.T) int {
	found, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(found)
}

// Sessions, and proxies, leave no descriptor and no goroutine behind.
func TestNothingLeaks(t *testing.T) {
	round := func(sessions int) {
		own, err := heimproxy.Open(heimproxy.Config{Text: configText(""), Sidecar: true,
			Log: func(heimproxy.LogLevel, string) {}})
		must(t, err)
		o := options()
		o.OnNotice = func(*heimproxy.Notice) {}
		db := sql.OpenDB(heimproxy.NewConnector(own, o))
		for i := 0; i < sessions; i++ {
			conn, err := db.Conn(ctx)
			must(t, err)
			exec(t, conn, "listen leaks; do $$ begin raise notice 'x'; end $$")
			short, cancel := context.WithCancel(ctx)
			cancel()
			must(t, raw(t, conn, func(c *heimproxy.Conn) error {
				_, err := c.Notification(short)
				same(t, err, context.Canceled)
				return nil
			}))
			must(t, conn.Close())
		}
		must(t, db.Close())
		must(t, own.Close())
	}
	round(50)
	before := descriptors(t)
	goroutines := runtime.NumGoroutine()
	for i := 0; i < 5; i++ {
		round(50)
	}
	// A few come and go with the tests' common proxy.
	if more := descriptors(t) - before; more > 20 {
		t.Fatalf("%d descriptors more", more)
	}
	eventually(t, "the goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines })
}
