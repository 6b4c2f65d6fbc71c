package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"

	heimproxy "heimproxy/bindings/go"
)

// A session of the script is a connection of a DB of its own.
type session struct {
	db         *sql.DB
	conn       *sql.Conn
	tx         *sql.Tx
	statements map[string]*sql.Stmt
	started    chan outcome
	cancel     func() // nil: nothing was started
}

type outcome struct {
	answers []answer
	err     error
}

func openSession(proxy *heimproxy.Proxy, options heimproxy.Options) (*session, error) {
	db := sql.OpenDB(heimproxy.NewConnector(proxy, options))
	conn, err := db.Conn(ctx)
	if err != nil {
		db.Close()
		return nil, err
	}
	return &session{db: db, conn: conn, statements: map[string]*sql.Stmt{}}, nil
}

// close ends the session itself first, so that its transaction is not rolled back by us.
func (s *session) close() {
	if s.cancel != nil {
		s.cancel()
		<-s.started
	}
	s.raw(func(c *heimproxy.Conn) error { return c.Close() })
	if s.tx != nil {
		s.tx.Rollback()
	}
	s.conn.Close()
	s.db.Close()
}

func (s *session) raw(call func(c *heimproxy.Conn) error) error {
	return s.conn.Raw(func(c any) error { return call(c.(*heimproxy.Conn)) })
}

func (s *session) execute(prepared *sql.Stmt, text string, args []any) ([]answer, error) {
	var result sql.Result
	var err error
	if prepared != nil {
		result, err = prepared.ExecContext(ctx, args...)
	} else {
		result, err = s.conn.ExecContext(ctx, text, args...)
	}
	if err != nil {
		return nil, err
	}
	affected, err := result.RowsAffected()
	return []answer{{affected: int(affected)}}, err
}

func (s *session) query(ctx context.Context, prepared *sql.Stmt, text string, args []any) ([]answer, error) {
	var rows *sql.Rows
	var err error
	if prepared != nil {
		rows, err = prepared.QueryContext(ctx, args...)
	} else {
		rows, err = s.conn.QueryContext(ctx, text, args...)
	}
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var answers []answer
	for more := true; more; more = rows.NextResultSet() {
		came, err := readRows(rows)
		if err != nil {
			return nil, err
		}
		answers = append(answers, came)
	}
	return answers, rows.Err()
}

func readRows(rows *sql.Rows) (answer, error) {
	came := answer{columns: []any{}, types: []any{}, rows: []any{}, affected: -1}
	types, err := rows.ColumnTypes()
	if err != nil {
		return came, err
	}
	row := make([]any, len(types))
	places := make([]any, len(types))
	for i, column := range types {
		came.columns = append(came.columns, column.Name())
		came.types = append(came.types, strings.ToLower(column.DatabaseTypeName()))
		places[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return came, err
		}
		copied := make([]any, len(row))
		for i, value := range row {
			copied[i] = inJSON(value)
		}
		came.rows = append(came.rows, copied)
	}
	if len(types) > 0 || len(came.rows) > 0 {
		came.affected = len(came.rows)
	}
	return came, nil
}

// inJSON: a number with a fraction is written as the script has it.
func inJSON(value any) any {
	switch v := value.(type) {
	case []byte:
		return string(v)
	case float64:
		encoded, _ := json.Marshal(v)
		return json.Number(encoded)
	}
	return value
}
