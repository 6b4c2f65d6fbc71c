package heimproxy

/*
#include "bridge.h"
*/
import "C"

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"unsafe"
)

// rows are those of one statement, a portion at a time, or those of a text of several.
type rows struct {
	conn    *Conn
	session *session
	ctx     context.Context
	sql     string
	several bool
	columns []column
	failure error // nothing more can be read, by this

	peeked, more bool // HasNextResultSet went on to the next one
	read         int  // rows of the portion that were loaded
	page         []C.heimgo_cell
	loaded, at   int // rows of the page, and how many of them were given
}

var (
	_ driver.RowsNextResultSet              = (*rows)(nil)
	_ driver.RowsColumnTypeScanType         = (*rows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*rows)(nil)
	_ driver.RowsColumnTypeLength           = (*rows)(nil)
	_ driver.RowsColumnTypeNullable         = (*rows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*rows)(nil)
)

// One call fetches where so many values lie, or at least one row's.
const pageCells = 512

var errNoMemory = &Error{Status: NoMemory, Message: NoMemory.Error()}

func (c *Conn) newRows(ctx context.Context, s *session, sql string, several bool) (driver.Rows, error) {
	if err := c.refuseCopy(s); err != nil {
		return nil, err
	}
	r := &rows{conn: c, session: s, ctx: ctx, sql: sql, several: several}
	if err := r.describe(); err != nil {
		return nil, err
	}
	c.open = r
	return r, nil
}

// describe begins with the result that the session has.
func (r *rows) describe() error {
	if C.heimgo_columns(r.session.handle) == 0 {
		return errNoMemory
	}
	r.columns = columnsOf(r.session.handle)
	r.forgetPortion()
	return nil
}

func (r *rows) forgetPortion() { r.read, r.loaded, r.at, r.page = 0, 0, 0, nil }

// Columns are their names.
func (r *rows) Columns() []string {
	names := make([]string, len(r.columns))
	for i := range r.columns {
		names[i] = r.columns[i].name
	}
	return names
}

// Next fills dest, or answers io.EOF.
func (r *rows) Next(dest []driver.Value) error {
	for r.at == r.loaded {
		if err := r.load(); err != nil {
			return err
		}
	}
	row := r.page[r.at*len(r.columns):]
	r.at++
	for i := range dest {
		cell := &row[i]
		if cell.data == nil {
			dest[i] = nil
			continue
		}
		data := unsafe.Slice((*byte)(unsafe.Pointer(cell.data)), int(cell.length))
		value, err := r.columns[i].decode(data)
		if err != nil {
			return err
		}
		dest[i] = value
	}
	return nil
}

// load finds where the next rows lie, and waits for them if they are not there.
func (r *rows) load() error {
	if r.failure != nil {
		return r.failure
	}
	h := r.session.handle
	for r.read == int(h.rows) {
		if r.session.isOver() || r.peeked {
			return io.EOF
		}
		more, err := r.session.next(r.ctx)
		if err != nil {
			r.lose(err)
			return err
		}
		if !more {
			return io.EOF
		}
		r.forgetPortion()
	}
	count := int(h.rows) - r.read
	if columns := len(r.columns); columns > 0 {
		if fit := pageCells/columns + 1; count > fit {
			count = fit
		}
		if C.heimgo_cells(h, C.size_t(r.read), C.size_t(count)) == 0 {
			return errNoMemory
		}
		r.page = unsafe.Slice(h.cells, count*columns)
	}
	r.read, r.loaded, r.at = r.read+count, count, 0
	return nil
}

// lose: nothing can be read any more.
func (r *rows) lose(why error) {
	r.failure = why
	r.forgetPortion()
	if r.conn.open == r {
		r.conn.open = nil
	}
}

var errRowsClosed = errors.New("heimproxy: the rows are closed")

// Close reads away what is left: the statement may have more to do than its rows, and its failure
// is told. If the context has ended, it is cancelled instead.
func (r *rows) Close() error {
	if r.failure != nil {
		return nil
	}
	err := r.finish()
	r.lose(errRowsClosed)
	return err
}

func (r *rows) finish() error {
	for {
		if err := r.conn.refuseCopy(r.session); err != nil {
			return err
		}
		if r.session.isOver() {
			r.conn.observe(r.sql, r.session.tag())
			if !r.several {
				return nil
			}
		}
		more, err := r.session.next(r.ctx)
		if err != nil || !more {
			return err
		}
	}
}

// HasNextResultSet looks, which ends the rows of this one.
func (r *rows) HasNextResultSet() bool {
	if r.failure != nil || !r.several {
		return false
	}
	if !r.peeked {
		r.conn.observe(r.sql, r.session.tag())
		r.forgetPortion()
		more, err := r.session.next(r.ctx)
		if err != nil {
			r.lose(err)
			return false
		}
		r.peeked, r.more = true, more
	}
	return r.more
}

// NextResultSet goes on to the rows of the next statement.
func (r *rows) NextResultSet() error {
	if !r.HasNextResultSet() {
		if r.failure != nil {
			return r.failure
		}
		return io.EOF
	}
	r.peeked = false
	if err := r.conn.refuseCopy(r.session); err != nil {
		r.lose(err)
		return err
	}
	return r.describe()
}
