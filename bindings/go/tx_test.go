package heimproxy_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	heimproxy "heimproxy/bindings/go"
)

func TestTransactions(t *testing.T) {
	db := open(t)
	table(t, db, "in_tx", "n int primary key")
	tx, err := db.Begin()
	must(t, err)
	exec(t, tx, "insert into in_tx values (1)")
	same(t, one[int](t, tx, "select count(*) from in_tx"), 1)
	same(t, one[int](t, db, "select count(*) from in_tx"), 0)
	must(t, tx.Commit())
	same(t, one[int](t, db, "select count(*) from in_tx"), 1)
	same(t, errors.Is(tx.Commit(), sql.ErrTxDone), true)
	same(t, errors.Is(tx.Rollback(), sql.ErrTxDone), true)
	_, err = tx.Exec("select 1")
	same(t, errors.Is(err, sql.ErrTxDone), true)

	tx, err = db.Begin()
	must(t, err)
	exec(t, tx, "delete from in_tx")
	must(t, tx.Rollback())
	same(t, one[int](t, db, "select count(*) from in_tx"), 1)
}

func TestTransactionThatFailed(t *testing.T) {
	db := single(t)
	table(t, db, "failed_tx", "n int primary key")
	tx, err := db.Begin()
	must(t, err)
	exec(t, tx, "insert into failed_tx values (1)")
	_, err = tx.Exec("insert into failed_tx values (1)")
	same(t, errors.Is(err, heimproxy.UniqueViolation), true)
	_, err = tx.Exec("select 1")
	same(t, errors.Is(err, heimproxy.Code("25P02")), true)
	same(t, errors.Is(tx.Commit(), heimproxy.TransactionFailed), true)
	same(t, one[int](t, db, "select count(*) from failed_tx"), 0)

	tx, err = db.Begin()
	must(t, err)
	_, err = tx.Exec("select 1/0")
	same(t, errors.Is(err, heimproxy.Code("22012")), true)
	must(t, tx.Rollback())
	same(t, one[int](t, db, "select 1"), 1)
	same(t, db.Stats().OpenConnections, 1)
}

func TestIsolation(t *testing.T) {
	db := single(t)
	for level, name := range map[sql.IsolationLevel]string{
		sql.LevelDefault: "read committed", sql.LevelReadUncommitted: "read uncommitted",
		sql.LevelReadCommitted: "read committed", sql.LevelRepeatableRead: "repeatable read",
		sql.LevelSnapshot: "repeatable read", sql.LevelSerializable: "serializable",
	} {
		for _, readOnly := range []bool{false, true} {
			tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: level, ReadOnly: readOnly})
			must(t, err)
			same(t, one[string](t, tx, "show transaction_isolation"), name)
			same(t, one[bool](t, tx, "select current_setting('transaction_read_only')::bool"), readOnly)
			if readOnly {
				_, err = tx.Exec("create table never (n int)")
				same(t, errors.Is(err, heimproxy.Code("25006")), true)
			}
			must(t, tx.Rollback())
		}
	}
	for _, level := range []sql.IsolationLevel{sql.LevelWriteCommitted, sql.LevelLinearizable} {
		if _, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: level}); err == nil {
			t.Fatalf("%v was taken", level)
		}
	}
	same(t, one[int](t, db, "select 1"), 1)
}

func TestSerializationFailure(t *testing.T) {
	db := open(t)
	table(t, db, "serial_tx", "n int")
	exec(t, db, "insert into serial_tx values (0)")
	options := &sql.TxOptions{Isolation: sql.LevelRepeatableRead}
	first, err := db.BeginTx(ctx, options)
	must(t, err)
	second, err := db.BeginTx(ctx, options)
	must(t, err)
	one[int](t, first, "select n from serial_tx")
	exec(t, second, "update serial_tx set n = 1")
	must(t, second.Commit())
	_, err = first.Exec("update serial_tx set n = 2")
	same(t, errors.Is(err, heimproxy.SerializationFailure), true)
	must(t, first.Rollback())
}

// A transaction goes with its context, and its connection is as good as before.
func TestTransactionOfContext(t *testing.T) {
	db := single(t)
	table(t, db, "ctx_tx", "n int")
	for _, busy := range []bool{false, true} {
		own, cancel := context.WithCancel(ctx)
		tx, err := db.BeginTx(own, nil)
		must(t, err)
		exec(t, tx, "insert into ctx_tx values (1)")
		if busy {
			rows, err := tx.QueryContext(own, "select generate_series(1, 1000000)")
			must(t, err)
			same(t, rows.Next(), true)
		}
		cancel()
		eventually(t, "the transaction ends", func() bool {
			_, err := tx.Exec("select 1")
			return errors.Is(err, sql.ErrTxDone) || errors.Is(err, context.Canceled)
		})
		if err := tx.Commit(); err == nil {
			t.Fatal("a transaction of a cancelled context was committed")
		}
		same(t, one[int](t, db, "select count(*) from ctx_tx"), 0)
		same(t, db.Stats().OpenConnections, 1)
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	_, err := db.BeginTx(done, nil)
	same(t, errors.Is(err, context.Canceled), true)
}

func TestRowsOfTransaction(t *testing.T) {
	db := single(t)
	tx, err := db.Begin()
	must(t, err)
	rows, err := tx.Query("select n, repeat('x', 1000) from generate_series(1, 100000) as n")
	must(t, err)
	same(t, rows.Next(), true)
	_, err = tx.Exec("select 1")
	same(t, errors.Is(err, heimproxy.ErrBusy), true)
	must(t, rows.Close())
	exec(t, tx, "select 1")
	rows, err = tx.Query("select n, repeat('x', 1000) from generate_series(1, 100000) as n")
	must(t, err)
	same(t, rows.Next(), true)
	must(t, tx.Rollback()) // closes them
	same(t, rows.Next(), false)
	same(t, one[int](t, db, "select 2"), 2)
}

func TestStatementsOfTransaction(t *testing.T) {
	db := open(t)
	table(t, db, "stmt_tx", "n int")
	insert, err := db.Prepare("insert into stmt_tx values ($1)")
	must(t, err)
	defer insert.Close()
	tx, err := db.Begin()
	must(t, err)
	within := tx.Stmt(insert)
	_, err = within.Exec(1)
	must(t, err)
	own, err := tx.Prepare("insert into stmt_tx values ($1 + 1)")
	must(t, err)
	_, err = own.Exec(1)
	must(t, err)
	must(t, tx.Commit())
	if _, err = own.Exec(2); err == nil {
		t.Fatal("a statement outlived its transaction")
	}
	_, err = insert.Exec(3)
	must(t, err)
	same(t, one[int](t, db, "select sum(n) from stmt_tx"), 6)
}
