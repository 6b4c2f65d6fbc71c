package heimproxy

/*
#include "bridge.h"
*/
import "C"

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// QueryContext streams the rows of one statement: while nobody asks for more, the server is not read.
// A text of several statements has no parameters, and answers with a set of rows for each; they are
// kept until the rows are closed.
func (c *Conn) QueryContext(ctx context.Context, sql string, args []driver.NamedValue) (driver.Rows, error) {
	s, several, err := c.ask(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	return c.newRows(ctx, s, sql, several)
}

// ExecContext runs one statement, or a text of several without parameters; what is told is of the
// last one.
func (c *Conn) ExecContext(ctx context.Context, sql string, args []driver.NamedValue) (driver.Result, error) {
	s, _, err := c.ask(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	return c.execute(ctx, s, sql)
}

// ask runs the statement, and says whether it is a text of several.
func (c *Conn) ask(ctx context.Context, sql string, args []driver.NamedValue) (*session, bool, error) {
	s, err := c.idle()
	if err != nil {
		return nil, false, err
	}
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	sql, args, err = numbered(sql, args)
	if err != nil {
		return nil, false, err
	}
	if len(args) == 0 && isSeveral(sql) {
		return s, true, s.query(ctx, sql)
	}
	return s, false, s.runWith(ctx, sql, args)
}

// isSeveral: perhaps. One statement that is taken for several is not streamed, nothing else.
func isSeveral(sql string) bool {
	return strings.IndexByte(strings.TrimRight(sql, "; \t\r\n"), ';') >= 0
}

func (s *session) runWith(ctx context.Context, sql string, args []driver.NamedValue) error {
	if !hasBytes(args) {
		if err := s.setRequest(sql); err != nil {
			return err
		}
		s.addArguments(args, nil)
		return s.run(ctx, 0)
	}
	// Bytes are sent as they are to a bytea, and as the text that they are to anything else: the
	// server is asked which it is.
	if err := s.prepare(ctx, "", sql); err != nil {
		return err
	}
	types := s.parameterTypes()
	if len(types) != len(args) {
		return fmt.Errorf("heimproxy: %d values for %d parameters", len(args), len(types))
	}
	if err := s.setRequest(""); err != nil {
		return err
	}
	s.addArguments(args, types)
	return s.run(ctx, C.HEIMGO_STATEMENT)
}

func (s *session) parameterTypes() []uint32 {
	types := make([]uint32, C.heim_result_parameters(s.handle.result))
	for i := range types {
		types[i] = uint32(C.heim_result_parameter(s.handle.result, C.size_t(i)))
	}
	return types
}

func (c *Conn) execute(ctx context.Context, s *session, sql string) (driver.Result, error) {
	for {
		if err := c.refuseCopy(s); err != nil {
			return nil, err
		}
		affected := int64(s.handle.affected)
		if s.isOver() {
			c.observe(sql, s.tag())
		}
		more, err := s.next(ctx)
		if err != nil {
			return nil, err
		}
		if !more {
			return result(affected), nil
		}
	}
}

var errCopy = errors.New("heimproxy: COPY is for Conn.CopyIn and Conn.CopyOut")

// refuseCopy ends a COPY that nobody would feed or read.
func (c *Conn) refuseCopy(s *session) error {
	switch s.handle.kind {
	case C.HEIM_KIND_COPY_IN:
		if err := s.giveUpCopy(errCopy); !errors.Is(err, errCopy) {
			return err
		}
		return errCopy
	case C.HEIM_KIND_COPY_OUT:
		if err := c.skipCopy(s); err != nil {
			return err
		}
		return errCopy
	}
	return nil
}

// A result is how many rows a statement is said to have affected.
type result int64

func (r result) RowsAffected() (int64, error) { return int64(r), nil }

func (r result) LastInsertId() (int64, error) {
	return 0, errors.New("heimproxy: PostgreSQL has no LastInsertId; INSERT ... RETURNING tells it")
}

// ---- prepared statements ------------------------------------------------------------------------

type stmt struct {
	conn      *Conn
	sql, name string
	types     []uint32
	forgotten int // the connection's, when it was prepared
	closed    bool
}

var (
	_ driver.StmtQueryContext = (*stmt)(nil)
	_ driver.StmtExecContext  = (*stmt)(nil)
)

// Prepare is PrepareContext without a limit.
func (c *Conn) Prepare(sql string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), sql)
}

// PrepareContext prepares a statement at the server.
func (c *Conn) PrepareContext(ctx context.Context, sql string) (driver.Stmt, error) {
	c.prepared++
	made := &stmt{conn: c, sql: sql, name: fmt.Sprintf("heim_go_%d", c.prepared)}
	if err := made.prepare(ctx); err != nil {
		return nil, nothingDone(err)
	}
	return made, nil
}

func (t *stmt) prepare(ctx context.Context) error {
	s, err := t.conn.idle()
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.prepare(ctx, t.name, t.sql); err != nil {
		return err
	}
	t.types = s.parameterTypes()
	t.forgotten = t.conn.forgotten
	return nil
}

// NumInput is how many parameters it has.
func (t *stmt) NumInput() int { return len(t.types) }

// Close forgets it at the server. What cannot be told there goes with the session.
func (t *stmt) Close() error {
	c := t.conn
	if t.closed || c.closed || c.session.ended || t.forgotten != c.forgotten {
		return nil
	}
	t.closed = true
	s, err := c.idle()
	if err != nil {
		return err
	}
	if err := s.setRequest(t.name); err != nil {
		return err
	}
	return s.call(context.Background(), func() C.heim_status {
		return C.heimgo_deallocate(s.handle, (*C.char)(unsafe.Pointer(&s.request[0])))
	})
}

func (t *stmt) ask(ctx context.Context, args []driver.NamedValue) (*session, error) {
	for _, arg := range args {
		if arg.Name != "" {
			return nil, errors.New("heimproxy: a prepared statement has no named values")
		}
	}
	s, err := t.conn.idle()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if t.forgotten != t.conn.forgotten {
		if err := t.prepare(ctx); err != nil {
			return nil, nothingDone(err)
		}
	}
	if len(args) != len(t.types) {
		return nil, fmt.Errorf("heimproxy: %d values for %d parameters", len(args), len(t.types))
	}
	if err := s.setRequest(t.name); err != nil {
		return nil, err
	}
	s.addArguments(args, t.types)
	return s, s.run(ctx, C.HEIMGO_STATEMENT)
}

func (t *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s, err := t.ask(ctx, args)
	if err != nil {
		return nil, err
	}
	return t.conn.newRows(ctx, s, t.sql, false)
}

func (t *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s, err := t.ask(ctx, args)
	if err != nil {
		return nil, err
	}
	return t.conn.execute(ctx, s, t.sql)
}

// Exec and Query are what driver.Stmt asks for; database/sql does not call them.
func (t *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return t.ExecContext(context.Background(), ordered(args))
}

func (t *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return t.QueryContext(context.Background(), ordered(args))
}

func ordered(args []driver.Value) []driver.NamedValue {
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	return named
}
