package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	heimproxy "heimproxy/bindings/go"
)

// A turn is one step's surroundings.
type turn struct {
	step     object
	proxy    *heimproxy.Proxy
	sessions map[string]*session
}

type verb struct {
	keys []string
	act  func(t *turn) ([]answer, error)
}

// plain is a verb whose success is all there is to see.
func plain(act func(t *turn) error, keys ...string) verb {
	return verb{keys, func(t *turn) ([]answer, error) { return nil, act(t) }}
}

var verbs = map[string]verb{
	"open":         plain(open, "user", "database", "password", "application_name", "settings"),
	"close":        plain(closeSession),
	"query":        {[]string{"sql"}, run},
	"run":          {[]string{"sql", "args", "streamed", "binary"}, run},
	"prepare":      plain(prepare, "name", "sql"),
	"execute":      {[]string{"name", "args", "binary"}, run},
	"deallocate":   plain(deallocate, "name"),
	"begin":        plain(begin, "modes"),
	"commit":       plain(func(t *turn) error { return t.session().tx.Commit() }),
	"rollback":     plain(func(t *turn) error { return t.session().tx.Rollback() }),
	"copy_in":      {[]string{"sql", "data", "fail"}, copyIn},
	"copy_out":     {[]string{"sql", "data"}, copyOut},
	"start":        plain(start, "sql"),
	"finish":       {nil, finish},
	"cancel":       plain(cancel),
	"notification": plain(notification, "channel", "payload", "none"),
	"state":        plain(state, "transaction"),
	"parameter":    plain(parameter, "name", "value"),
	"route":        plain(route, "sql", "has"),
	"show":         plain(show, "what", "has"),
	"invalidate":   plain(invalidate, "database", "table", "like", "sql"),
	"value":        plain(value, "type", "text", "binary"),
}

func (t *turn) text(key string) string {
	text, _ := t.step[key].(string)
	return text
}

func (t *turn) session() *session {
	s := t.sessions[t.text("on")]
	if s == nil {
		panic("no session " + t.text("on"))
	}
	return s
}

// args are JSON's values as Go has them.
func (t *turn) args() []any {
	args, _ := t.step["args"].([]any)
	values := make([]any, len(args))
	for i, arg := range args {
		values[i] = arg
		if number, ok := arg.(json.Number); ok {
			whole, err := number.Int64()
			values[i] = whole
			if err != nil {
				values[i], _ = number.Float64()
			}
		}
	}
	return values
}

func open(t *turn) error {
	options := heimproxy.Options{User: "app", Database: "postgres", Password: t.text("password"),
		ApplicationName: t.text("application_name"), Settings: map[string]string{}}
	if user := t.text("user"); user != "" {
		options.User = user
	}
	if database := t.text("database"); database != "" {
		options.Database = database
	}
	if _, given := t.step["password"]; !given && options.User == "app" {
		options.Password = "app-secret"
	}
	settings, _ := t.step["settings"].(object)
	for name, setting := range settings {
		options.Settings[name] = setting.(string)
	}
	opened, err := openSession(t.proxy, options)
	if err == nil {
		t.sessions[t.text("on")] = opened
	}
	return err
}

func closeSession(t *turn) error {
	s := t.session()
	delete(t.sessions, t.text("on"))
	s.close()
	return nil
}

func run(t *turn) ([]answer, error) {
	s, sql := t.session(), t.text("sql")
	if t.text("do") == "query" {
		sql += "; --" // a text that may hold several statements: it goes as one, by the simple protocol
	}
	prepared := s.statements[t.text("name")]
	if t.text("do") == "execute" && prepared == nil {
		return nil, mismatched("no statement %q", t.text("name"))
	}
	for _, key := range []string{"rows", "count", "columns", "types", "results"} {
		if _, asked := t.step[key]; asked {
			return s.query(ctx, prepared, sql, t.args())
		}
	}
	return s.execute(prepared, sql, t.args())
}

func prepare(t *turn) error {
	s := t.session()
	made, err := s.conn.PrepareContext(ctx, t.text("sql"))
	if err == nil {
		s.statements[t.text("name")] = made
	}
	return err
}

func deallocate(t *turn) error {
	s := t.session()
	made := s.statements[t.text("name")]
	delete(s.statements, t.text("name"))
	return made.Close()
}

func begin(t *turn) (err error) {
	options := &sql.TxOptions{}
	for _, mode := range strings.Split(t.text("modes"), ", ") {
		switch mode {
		case "":
		case "READ ONLY":
			options.ReadOnly = true
		case "ISOLATION LEVEL SERIALIZABLE":
			options.Isolation = sql.LevelSerializable
		case "ISOLATION LEVEL REPEATABLE READ":
			options.Isolation = sql.LevelRepeatableRead
		case "ISOLATION LEVEL READ COMMITTED":
			options.Isolation = sql.LevelReadCommitted
		default:
			return mismatched("unknown mode %q", mode)
		}
	}
	s := t.session()
	s.tx, err = s.conn.BeginTx(ctx, options)
	return err
}

// pieces gives one of them at a time, then an error.
type pieces struct {
	list []any
	end  error
}

func (p *pieces) Read(to []byte) (int, error) {
	if len(p.list) == 0 {
		return 0, p.end
	}
	piece := p.list[0].(string)
	n := copy(to, piece)
	if p.list = p.list[1:]; n < len(piece) {
		p.list = append([]any{piece[n:]}, p.list...)
	}
	return n, nil
}

func copyIn(t *turn) ([]answer, error) {
	from := &pieces{t.step["data"].([]any), io.EOF}
	if reason, fails := t.step["fail"].(string); fails {
		from.end = errors.New(reason)
	}
	var count int64
	err := t.session().raw(func(c *heimproxy.Conn) (err error) {
		count, err = c.CopyIn(ctx, t.text("sql"), from)
		return err
	})
	return []answer{{affected: int(count)}}, err
}

func copyOut(t *turn) ([]answer, error) {
	var out strings.Builder
	var count int64
	err := t.session().raw(func(c *heimproxy.Conn) (err error) {
		count, err = c.CopyOut(ctx, t.text("sql"), &out)
		return err
	})
	if data, asked := t.step["data"]; asked && err == nil {
		err = expectSame("data", data, out.String())
	}
	return []answer{{affected: int(count)}}, err
}

func start(t *turn) error {
	s := t.session()
	var own context.Context
	own, s.cancel = context.WithCancel(ctx)
	s.started = make(chan outcome, 1)
	go func() {
		answers, err := s.query(own, nil, t.text("sql"), nil)
		s.started <- outcome{answers, err}
	}()
	return nil
}

func finish(t *turn) ([]answer, error) {
	s := t.session()
	came := <-s.started
	s.cancel()
	s.cancel = nil
	return came.answers, came.err
}

// What Go cancels is a context; without a statement there is none.
func cancel(t *turn) error {
	if s := t.session(); s.cancel != nil {
		s.cancel()
	}
	return nil
}

func notification(t *turn) error {
	limit := 30 * time.Second
	if none, _ := t.step["none"].(bool); none {
		limit = 0
	}
	own, stop := context.WithTimeout(ctx, limit)
	defer stop()
	var came heimproxy.Notification
	err := t.session().raw(func(c *heimproxy.Conn) (err error) {
		came, err = c.Notification(own)
		return err
	})
	if limit == 0 {
		if errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		return mismatched("a notification came: %+v, %v", came, err)
	}
	if err != nil {
		return err
	}
	return expectSame("notification", []any{t.step["channel"], t.step["payload"]}, []any{came.Channel, came.Payload})
}

func state(t *turn) error {
	names := map[heimproxy.Transaction]string{heimproxy.NoTransaction: "none", heimproxy.TransactionOpen: "open",
		heimproxy.TransactionBroken: "failed", heimproxy.TransactionEnded: "ended"}
	came := "ended" // what is ended may have left database/sql
	if err := t.session().raw(func(c *heimproxy.Conn) error {
		came = names[c.Transaction()]
		return nil
	}); err != nil && !errors.Is(err, sql.ErrConnDone) {
		return err
	}
	return expectSame("transaction", t.step["transaction"], came)
}

func parameter(t *turn) error {
	wanted := t.text("value") // null is "" in Go
	return t.session().raw(func(c *heimproxy.Conn) error {
		return expectSame("parameter", wanted, c.Parameter(t.text("name")))
	})
}

func route(t *turn) error {
	return t.session().raw(func(c *heimproxy.Conn) error {
		explained, err := c.Explain(t.text("sql"))
		if err != nil {
			return err
		}
		return expectPart("route", t.text("has"), text(explained))
	})
}

func show(t *turn) error {
	rows, err := t.proxy.Show(t.text("what"))
	if err != nil {
		return err
	}
	for _, row := range rows {
		all := true
		for name, wanted := range t.step["has"].(object) {
			all = all && row[name] == wanted
		}
		if all {
			return nil
		}
	}
	return mismatched("no row has %s: %v", text(t.step["has"]), rows)
}

func invalidate(t *turn) error {
	if sql := t.text("sql"); sql != "" {
		return t.proxy.InvalidateQuery(sql)
	}
	if pattern := t.text("like"); pattern != "" {
		return t.proxy.InvalidateLike(t.text("database"), pattern)
	}
	return t.proxy.Invalidate(t.text("database"), t.text("table"))
}

func cacheHits(proxy *heimproxy.Proxy) (hits int, err error) {
	rows, err := proxy.Show("CACHE")
	for _, row := range rows {
		if row["what"] == "hits" {
			return strconv.Atoi(row["value"])
		}
	}
	return 0, err
}

// value goes the way of a binding that hands out values of its language.
func value(t *turn) error {
	literal := fmt.Sprintf("'%s'::%s", strings.ReplaceAll(t.text("text"), "'", "''"), t.text("type"))
	var came any
	s := t.session()
	if err := s.conn.QueryRowContext(ctx, "SELECT "+literal).Scan(&came); err != nil {
		return err
	}
	var same bool
	query := fmt.Sprintf("SELECT $1::%s::text = %s::text", t.text("type"), literal)
	if err := s.conn.QueryRowContext(ctx, query, came).Scan(&same); err != nil {
		return err
	}
	if !same {
		return mismatched("the value came back as %v", came)
	}
	return nil
}
