package heimproxy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	heimproxy "heimproxy/bindings/go"
)

func TestCopy(t *testing.T) {
	conn := grab(t, open(t))
	exec(t, conn, "create temp table copied (n int, t text)")
	var lines bytes.Buffer
	for i := 0; i < 10000; i++ {
		lines.WriteString("1\t" + strings.Repeat("x", 100) + "\n")
	}
	must(t, raw(t, conn, func(c *heimproxy.Conn) error {
		n, err := c.CopyIn(ctx, "copy copied from stdin", bytes.NewReader(lines.Bytes()))
		same(t, n, 10000)
		return err
	}))
	same(t, one[int](t, conn, "select count(*) from copied"), 10000)
	must(t, raw(t, conn, func(c *heimproxy.Conn) error {
		n, err := c.CopyIn(ctx, "copy copied from stdin", strings.NewReader(""))
		same(t, n, 0)
		must(t, err)
		var out bytes.Buffer
		n, err = c.CopyOut(ctx, "copy copied to stdout", &out)
		same(t, n, 10000)
		same(t, out.String(), lines.String())
		return err
	}))
	same(t, one[int](t, conn, "select 1"), 1)
}

func TestCopyThatFails(t *testing.T) {
	conn := grab(t, open(t))
	exec(t, conn, "create temp table copied (n int)")
	broken := errors.New("the disk is gone")
	endless := io.MultiReader(strings.NewReader("nonsense\n"), &zeros{})
	must(t, raw(t, conn, func(c *heimproxy.Conn) error {
		_, err := c.CopyIn(ctx, "copy copied from stdin", io.MultiReader(strings.NewReader("1\n"), iotest.ErrReader(broken)))
		same(t, errors.Is(err, broken), true)
		same(t, errors.Is(err, heimproxy.QueryCanceled), true)
		_, err = c.CopyIn(ctx, "copy copied from stdin", endless)
		same(t, errors.Is(err, heimproxy.Code("22P02")), true)
		_, err = c.CopyIn(ctx, "copy no_such_table from stdin", endless)
		same(t, errors.Is(err, heimproxy.Code("42P01")), true)
		for _, text := range []string{"select 1", "copy copied to stdout"} {
			if _, err = c.CopyIn(ctx, text, endless); err == nil {
				t.Fatalf("%s went well", text)
			}
		}
		for _, text := range []string{"select 1", "copy copied from stdin"} {
			if _, err = c.CopyOut(ctx, text, io.Discard); err == nil {
				t.Fatalf("%s went well", text)
			}
		}
		_, err = c.CopyOut(ctx, "copy (select 1 / (100 - n) from generate_series(1, 200) as n) to stdout", io.Discard)
		same(t, errors.Is(err, heimproxy.Code("22012")), true)
		_, err = c.CopyOut(ctx, "copy (select generate_series(1, 100000)) to stdout", failingWriter{broken})
		same(t, err, broken)
		return nil
	}))
	same(t, one[int](t, conn, "select count(*) from copied"), 0)
}

func TestCopyIsCancelled(t *testing.T) {
	conn := grab(t, open(t))
	exec(t, conn, "create temp table copied (n int)")
	own, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	must(t, raw(t, conn, func(c *heimproxy.Conn) error {
		_, err := c.CopyIn(own, "copy copied from stdin", &zeros{})
		same(t, err, context.DeadlineExceeded)
		again, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err = c.CopyOut(again, "copy (select pg_sleep(60)) to stdout", io.Discard)
		same(t, err, context.DeadlineExceeded)
		return nil
	}))
	same(t, one[int](t, conn, "select count(*) from copied"), 0)
}

// zeros has lines without end.
type zeros struct{}

func (*zeros) Read(to []byte) (int, error) { return copy(to, "0\n"), nil }

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestNotifications(t *testing.T) {
	db := open(t)
	conn := grab(t, db)
	exec(t, conn, "listen news")
	exec(t, db, "notify news, 'first'")
	must(t, raw(t, conn, func(c *heimproxy.Conn) error {
		told, err := c.Notification(ctx)
		must(t, err)
		same(t, told.Channel+" "+told.Payload, "news first")
		same(t, told.PID > 0, true)
		own, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err = c.Notification(own)
		same(t, err, context.DeadlineExceeded)
		time.AfterFunc(50*time.Millisecond, func() { db.Exec("select pg_notify('news', 'second')") })
		told, err = c.Notification(ctx)
		must(t, err)
		same(t, told.Payload, "second")
		return nil
	}))
	exec(t, conn, "notify news, 'own'")
	must(t, raw(t, conn, func(c *heimproxy.Conn) error {
		told, err := c.Notification(ctx)
		same(t, told.Payload, "own")
		return err
	}))
}

// Whoever waits hears each notification once, in order, and threads do not wait with them.
func TestManyListeners(t *testing.T) {
	const listeners, messages = 60, 20
	db := open(t)
	before := threads(t)
	var all sync.WaitGroup
	for i := 0; i < listeners; i++ {
		conn := grab(t, db)
		exec(t, conn, "listen crowd")
		all.Add(1)
		go func() {
			defer all.Done()
			for n := 0; n < messages; n++ {
				if err := raw(t, conn, func(c *heimproxy.Conn) error {
					told, err := c.Notification(ctx)
					if err == nil && told.Payload != string(rune('a'+n)) {
						t.Errorf("%q as message %d", told.Payload, n)
					}
					return err
				}); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	for n := 0; n < messages; n++ {
		exec(t, db, "select pg_notify('crowd', $1)", string(rune('a'+n)))
	}
	all.Wait()
	if more := threads(t) - before; more > listeners {
		t.Fatalf("%d threads for %d listeners", more, listeners)
	}
}

func TestNotices(t *testing.T) {
	var told []string
	o := options()
	o.OnNotice = func(n *heimproxy.Notice) { told = append(told, n.Severity+" "+string(n.Code)+" "+n.Message+" "+n.Hint) }
	db := openWith(t, o)
	exec(t, db, "do $$ begin raise notice 'one' using hint = 'a hint'; raise warning 'two'; end $$")
	same(t, strings.Join(told, ", "), "NOTICE 00000 one a hint, WARNING 01000 two ")
	exec(t, open(t), "do $$ begin raise notice 'nobody hears it'; end $$")
}

func TestAboutAConnection(t *testing.T) {
	o := options()
	o.ApplicationName = "a test"
	o.Settings = map[string]string{"TimeZone": "Asia/Tokyo"}
	conn := grab(t, openWith(t, o))
	same(t, one[string](t, conn, "show application_name"), "a test")
	must(t, raw(t, conn, func(c *heimproxy.Conn) error {
		same(t, c.Parameter("TimeZone"), "Asia/Tokyo")
		same(t, c.Parameter("no_such"), "")
		explained, err := c.Explain("select 1")
		same(t, strings.HasPrefix(explained["node"], "127.0.0.1"), true)
		same(t, c.Transaction(), heimproxy.NoTransaction)
		return err
	}))
	tx, err := conn.BeginTx(ctx, nil)
	must(t, err)
	must(t, raw(t, conn, func(c *heimproxy.Conn) error { same(t, c.Transaction(), heimproxy.TransactionOpen); return nil }))
	tx.Exec("select 1/0")
	must(t, raw(t, conn, func(c *heimproxy.Conn) error { same(t, c.Transaction(), heimproxy.TransactionBroken); return nil }))
	must(t, tx.Rollback())
}
