// A workload on pgx. E2E_MODE: transaction, or session for what needs a server of one's own.
package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var ctx = context.Background()

func show(label string, values ...any) {
	parts := []string{label}
	for _, value := range values {
		parts = append(parts, text(value))
	}
	fmt.Println(strings.Join(parts, " | "))
}

func text(value any) string {
	switch v := value.(type) {
	case string:
		if len(v) > 200 {
			return fmt.Sprintf("text %d %x", len(v), md5.Sum([]byte(v)))
		}
	case []byte:
		if len(v) > 64 {
			return fmt.Sprintf("bytes %d %x", len(v), md5.Sum(v))
		}
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%v", value)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func sqlstate(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code + " " + pgErr.Message
	}
	if err == nil {
		return "no error"
	}
	return "other error"
}

func connect() *pgx.Conn {
	conn, err := pgx.Connect(ctx, "connect_timeout=20") // the rest from PG* variables
	must(err)
	return conn
}

func exec(conn *pgx.Conn, query string, args ...any) {
	_, err := conn.Exec(ctx, query, args...)
	must(err)
}

// values reads all rows of a query, as pgx decodes them.
func values(conn *pgx.Conn, query string, args ...any) [][]any {
	rows, err := conn.Query(ctx, query, args...)
	must(err)
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	must(err)
	return all
}

func types(conn *pgx.Conn) {
	exec(conn, `create table kinds (id int primary key, t text, b bytea, f float8, o bool, ts timestamptz,
		d date, ia int[], ta text[], j jsonb, i8 int8)`)
	insert := "insert into kinds values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
	exec(conn, insert, 1, "žluť 'kůň'", []byte{0, 1, 255}, 1.5, true, time.Date(2024, 2, 29, 1, 2, 3, 0, time.UTC),
		time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), []int32{1, -3}, []string{"a,b", `q"`}, map[string]any{"k": 1}, int64(1)<<62)
	exec(conn, insert, 2, strings.Repeat("x", 1_200_000), bytes.Repeat([]byte{7}, 3_000_000), nil, nil, nil, nil, nil, nil, nil, nil)
	for id := 1; id <= 2; id++ {
		for _, row := range values(conn, "select * from kinds where id = $1", id) {
			show("row", row...)
		}
	}
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe,
		pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		for i := 0; i < 3; i++ {
			show("mode", mode, values(conn, "select $1::int4 + id, t from kinds where id = 1", mode, int32(i)))
		}
	}
}

func prepared(conn *pgx.Conn) {
	_, err := conn.Prepare(ctx, "named", "select $1::int + id from kinds where id = 1")
	must(err)
	other := connect()
	_, err = other.Prepare(ctx, "named", "select $1::text")
	must(err)
	for i := 0; i < 6; i++ {
		show("named", values(conn, "named", i), values(other, "named", fmt.Sprint(i)))
	}
	must(conn.Deallocate(ctx, "named"))
	_, err = conn.Exec(ctx, "execute named(1)")
	show("deallocated", err != nil)
	must(other.Close(ctx))
	for i := 0; i < 600; i++ { // past pgx's cache of 512
		values(conn, fmt.Sprintf("select %d + $1::int", i), i)
	}
	show("cached", values(conn, "select 5 + $1::int", 5))
}

func transactions(conn *pgx.Conn) {
	exec(conn, "create table tx (id int primary key)")
	must(pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "insert into tx values ($1)", 1); err != nil {
			return err
		}
		nested := pgx.BeginFunc(ctx, tx, func(inner pgx.Tx) error {
			_, err := inner.Exec(ctx, "insert into tx values ($1)", 1)
			return err
		})
		show("savepoint", sqlstate(nested))
		_, err := tx.Exec(ctx, "insert into tx values ($1)", 2)
		return err
	}))
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadOnly})
	must(err)
	_, err = tx.Exec(ctx, "insert into tx values (9)")
	show("read only", sqlstate(err), string(conn.PgConn().TxStatus()))
	must(tx.Rollback(ctx))
	for _, query := range []string{"selec", "select 1/0", "select * from nowhere", "select 'a'::int"} {
		_, err := conn.Exec(ctx, query)
		show("error", sqlstate(err))
		_, err = conn.Exec(ctx, query+" where $1::int = 1", 1)
		show("error, extended", sqlstate(err))
		show("after", values(conn, "select $1::int", 42))
	}
	show("tx", values(conn, "select id from tx order by id"))
}

func batches(conn *pgx.Conn) {
	batch := &pgx.Batch{}
	for i := 0; i < 100; i++ {
		batch.Queue("insert into tx values ($1)", 1000+i)
		batch.Queue("select count(*) from tx where id >= $1", 1000)
	}
	results := conn.SendBatch(ctx, batch)
	sum := 0
	for i := 0; i < 100; i++ {
		_, err := results.Exec()
		must(err)
		var count int
		must(results.QueryRow().Scan(&count))
		sum += count
	}
	must(results.Close())
	show("batch", sum)
	failing := &pgx.Batch{}
	failing.Queue("insert into tx values ($1)", 2000)
	failing.Queue("select 1/$1::int", 0)
	failing.Queue("insert into tx values ($1)", 2001)
	show("batch error", sqlstate(conn.SendBatch(ctx, failing).Close()))
	show("rolled back", values(conn, "select count(*) from tx where id >= 2000"))
	pipeline := conn.PgConn().StartPipeline(ctx)
	for i := 0; i < 20; i++ {
		pipeline.SendQueryParams("select $1::text", [][]byte{[]byte(fmt.Sprint(i))}, nil, nil, nil)
		if i == 10 {
			pipeline.SendQueryParams("select 1/0", nil, nil, nil, nil)
		}
		if i%4 == 3 {
			must(pipeline.Sync())
		}
	}
	drain(pipeline)
	show("pipeline closed", pipeline.Close() == nil, values(conn, "select 1"))
}

// drain prints what a pipeline of 5 syncs answers.
func drain(pipeline *pgconn.Pipeline) {
	for syncs := 0; syncs < 5; {
		result, err := pipeline.GetResults()
		switch r := result.(type) {
		case *pgconn.ResultReader:
			read := r.Read()
			show("pipeline", fmt.Sprintf("%s", read.Rows), sqlstate(read.Err))
		case *pgconn.PipelineSync:
			syncs++
			show("sync")
		default:
			show("pipeline error", sqlstate(err))
		}
	}
}

func copying(conn *pgx.Conn) {
	exec(conn, "create table bulk (id int, v text)")
	rows := make([][]any, 20_000)
	for i := range rows {
		rows[i] = []any{int32(i), fmt.Sprintf("value %d", i)}
	}
	count, err := conn.CopyFrom(ctx, pgx.Identifier{"bulk"}, []string{"id", "v"}, pgx.CopyFromRows(rows))
	must(err)
	var out bytes.Buffer
	tag, err := conn.PgConn().CopyTo(ctx, &out, "copy (select * from bulk order by id) to stdout")
	must(err)
	show("copy", count, tag.String(), out.Bytes())
	_, err = conn.PgConn().CopyFrom(ctx, strings.NewReader("x\ty\n"), "copy bulk from stdin")
	show("copy error", sqlstate(err))
	show("after", values(conn, "select count(*) from bulk"))
	must(pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "declare c cursor for select id from bulk order by id")
		must(err)
		show("cursor", values(conn, "fetch 3 from c"), values(conn, "fetch 2 from c"))
		return nil
	}))
}

func cancelling(conn *pgx.Conn) {
	other := connect()
	done := make(chan error)
	go func() {
		running := `select count(*) from pg_stat_activity where datname = current_database()
			and state = 'active' and query = 'select pg_sleep(30)'`
		for count := 0; count == 0; time.Sleep(20 * time.Millisecond) {
			must(other.QueryRow(ctx, running).Scan(&count))
		}
		done <- conn.PgConn().CancelRequest(ctx)
	}()
	_, err := conn.Exec(ctx, "select pg_sleep(30)")
	must(<-done)
	show("cancel", sqlstate(err))
	short, stop := context.WithTimeout(ctx, 300*time.Millisecond)
	defer stop()
	_, err = other.Exec(short, "select pg_sleep(30)")
	show("deadline", pgconn.Timeout(err), other.IsClosed())
	show("after", values(conn, "select 1"))
}

func concurrent(conn *pgx.Conn) {
	exec(conn, "create table counter (id int primary key, n int)")
	exec(conn, "insert into counter select i, 0 from generate_series(0, 3) i")
	var group sync.WaitGroup
	for n := 0; n < 16; n++ {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			own := connect()
			for i := 0; i < 25; i++ {
				must(pgx.BeginFunc(ctx, own, func(tx pgx.Tx) error {
					_, err := tx.Exec(ctx, "update counter set n = n + 1 where id = $1", (n+i)%4)
					return err
				}))
			}
			must(own.Close(ctx))
		}(n)
	}
	group.Wait()
	show("counter", values(conn, "select sum(n)::int from counter"))
}

func sessionState(conn *pgx.Conn) {
	exec(conn, "set timezone = 'Asia/Tokyo'")
	exec(conn, "create temp table mine as select 1 as one")
	show("state", values(conn, "select * from mine"), values(conn, "show timezone"))
	exec(conn, "listen channel")
	other := connect()
	for i := 0; i < 3; i++ {
		exec(other, "select pg_notify('channel', $1)", fmt.Sprintf("payload %d", i))
	}
	for i := 0; i < 3; i++ {
		short, done := context.WithTimeout(ctx, 10*time.Second)
		note, err := conn.WaitForNotification(short)
		done()
		must(err)
		show("notification", note.Channel, note.Payload)
	}
	must(other.Close(ctx))
}

func main() {
	conn := connect()
	if os.Getenv("E2E_MODE") == "session" {
		sessionState(conn)
	} else {
		for _, part := range []func(*pgx.Conn){types, prepared, transactions, batches, copying, cancelling, concurrent} {
			show("---")
			part(conn)
		}
	}
	must(conn.Close(ctx))
}
