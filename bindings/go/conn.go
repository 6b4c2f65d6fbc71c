package heimproxy

/*
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// A Conn is a connection as database/sql has it: what sql.Conn.Raw gives. It is for COPY,
// notifications, and what else database/sql has no words for.
type Conn struct {
	connector *Connector
	session   *session
	open      *rows // whose rows are not read to their end; nil: none
	prepared  int   // how many statements were; their names
	forgotten int   // how often all prepared statements were deallocated by SQL
	marked    bool  // something may be left behind in the session
	closed    bool
	onClose   func() error
}

var (
	_ driver.ConnPrepareContext = (*Conn)(nil)
	_ driver.ConnBeginTx        = (*Conn)(nil)
	_ driver.QueryerContext     = (*Conn)(nil)
	_ driver.ExecerContext      = (*Conn)(nil)
	_ driver.Pinger             = (*Conn)(nil)
	_ driver.SessionResetter    = (*Conn)(nil)
	_ driver.Validator          = (*Conn)(nil)
	_ driver.NamedValueChecker  = (*Conn)(nil)
)

// ErrBusy is told to whom asks while rows of the connection are still open.
var ErrBusy = errors.New("heimproxy: the rows of the statement before are to be closed first")

// idle is the session, if it can be asked.
func (c *Conn) idle() (*session, error) {
	if c.session.ended {
		return nil, driver.ErrBadConn
	}
	if c.open != nil {
		return nil, ErrBusy
	}
	return c.session, nil
}

// Close ends the session; a transaction that is open is rolled back.
func (c *Conn) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	if !c.session.abandoned {
		c.session.ended = true
		c.session.close()
	}
	if c.onClose != nil {
		return c.onClose()
	}
	return nil
}

// IsValid is asked when database/sql puts the connection back into its pool. Who only read and wrote
// rows has left nothing in the session. Behind anything else (SET, LISTEN, temporary tables, a failure,
// a transaction that was not ended, ...) the connection is closed, which frees at once what it holds;
// another one costs some microseconds and no round trip. What a function sets inside is not seen:
// Options.ResetAlways is for those who call such.
func (c *Conn) IsValid() bool {
	isClean := !c.marked && !c.session.failed && !c.connector.options.ResetAlways
	return isClean && c.open == nil && c.Transaction() == NoTransaction
}

// ResetSession is asked when the connection is taken out of the pool: it may have ended there.
func (c *Conn) ResetSession(context.Context) error {
	if c.Transaction() == TransactionEnded {
		c.session.ended = true
		return driver.ErrBadConn
	}
	return nil
}

// Ping asks a server for nothing.
func (c *Conn) Ping(ctx context.Context) error {
	s, err := c.idle()
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return nothingDone(s.command(ctx, ""))
}

// nothingDone is for what may be asked again on another connection.
func nothingDone(err error) error {
	if errors.Is(err, Closed) {
		return driver.ErrBadConn
	}
	return err
}

// What these leave behind ends with the transaction, or is no session's.
var harmless = map[string]bool{
	"SELECT": true, "INSERT": true, "UPDATE": true, "DELETE": true, "MERGE": true, "COPY": true,
	"BEGIN": true, "COMMIT": true, "ROLLBACK": true, "SAVEPOINT": true, "RELEASE": true, "": true,
	"SHOW": true, "LOCK": true, "TRUNCATE": true, "NOTIFY": true,
}

// observe looks at what was run.
func (c *Conn) observe(sql, tag string) {
	if strings.HasPrefix(tag, "DEALLOCATE") || tag == "DISCARD ALL" {
		c.forgotten++
	}
	word := tag
	if space := strings.IndexByte(tag, ' '); space >= 0 {
		word = tag[:space]
	}
	c.marked = c.marked || !harmless[word] || leavesTraces(sql)
}

// leavesTraces finds what a SELECT leaves behind. To suspect one too many costs little.
func leavesTraces(sql string) bool {
	for i := 0; i+4 <= len(sql); i++ {
		switch sql[i] | 0x20 {
		case 's':
			if hasWord(sql[i:], "set_config") {
				return true
			}
		case 'a':
			if hasWord(sql[i:], "advisory") {
				return true
			}
		case 't':
			if hasWord(sql[i:], "temp ") || hasWord(sql[i:], "temporary") {
				return true
			}
		}
	}
	return false
}

func hasWord(text, word string) bool {
	return len(text) >= len(word) && strings.EqualFold(text[:len(word)], word)
}

// ---- transactions -------------------------------------------------------------------------------

var isolation = map[driver.IsolationLevel]string{
	driver.IsolationLevel(sql.LevelDefault):         "",
	driver.IsolationLevel(sql.LevelReadUncommitted): " isolation level read uncommitted",
	driver.IsolationLevel(sql.LevelReadCommitted):   " isolation level read committed",
	driver.IsolationLevel(sql.LevelRepeatableRead):  " isolation level repeatable read",
	driver.IsolationLevel(sql.LevelSnapshot):        " isolation level repeatable read",
	driver.IsolationLevel(sql.LevelSerializable):    " isolation level serializable",
}

// Begin is BeginTx without options.
func (c *Conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// BeginTx begins a transaction. Snapshot is PostgreSQL's repeatable read.
func (c *Conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	level, known := isolation[options.Isolation]
	if !known {
		return nil, fmt.Errorf("heimproxy: PostgreSQL has no isolation level %v",
			sql.IsolationLevel(options.Isolation))
	}
	s, err := c.idle()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	begin := "begin" + level
	if options.ReadOnly {
		begin += " read only"
	}
	if err := s.command(ctx, begin); err != nil {
		return nil, nothingDone(err)
	}
	return &tx{c}, nil
}

type tx struct{ conn *Conn }

func (t *tx) Commit() error {
	s, err := t.conn.idle()
	if err != nil {
		return err
	}
	if err := s.command(context.Background(), "commit"); err != nil {
		return err
	}
	if s.tag() == "ROLLBACK" {
		return &Error{Status: Server, Code: TransactionFailed,
			Message: "the transaction had failed, and was rolled back"}
	}
	return nil
}

// Rollback is sent whatever became of the statement before; rows that are open are lost.
func (t *tx) Rollback() error {
	s := t.conn.session
	if t.conn.open != nil {
		t.conn.open.lose(errors.New("heimproxy: the transaction was rolled back"))
	}
	return s.call(context.Background(), func() C.heim_status { return C.heimgo_rollback(s.handle) })
}

// ---- about it -------------------------------------------------------------------------------------

// Parameter is what the server reported of a setting: "server_version", "TimeZone"; "": nothing.
func (c *Conn) Parameter(name string) string {
	if c.session.ended {
		return ""
	}
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	return C.GoString(C.heim_session_parameter(c.session.handle.session, text))
}

// A Transaction is the state that a connection is in.
type Transaction int

const (
	NoTransaction     Transaction = C.HEIM_TRANSACTION_NONE
	TransactionOpen   Transaction = C.HEIM_TRANSACTION_OPEN
	TransactionBroken Transaction = C.HEIM_TRANSACTION_FAILED // only a rollback ends it
	TransactionBusy   Transaction = C.HEIM_TRANSACTION_BUSY   // a statement is not over
	TransactionEnded  Transaction = C.HEIM_TRANSACTION_ENDED  // the session is
)

// Transaction is what the server last said of it.
func (c *Conn) Transaction() Transaction { return Transaction(c.session.transaction()) }

// Explain says where a statement would go now, and why. It is not run.
func (c *Conn) Explain(sql string) (map[string]string, error) {
	s := c.session
	if s.ended {
		return nil, driver.ErrBadConn
	}
	text := C.CString(sql)
	defer C.free(unsafe.Pointer(text))
	var out *C.char
	status := C.heim_route_explain(s.handle.session, text, &out, &s.handle.error)
	if status != C.HEIM_OK {
		return nil, newError(status, &s.handle.error)
	}
	var lines []struct{ What, Value string }
	if err := json.Unmarshal([]byte(C.GoString(out)), &lines); err != nil {
		return nil, err
	}
	explained := make(map[string]string, len(lines))
	for _, line := range lines {
		explained[line.What] = line.Value
	}
	return explained, nil
}
