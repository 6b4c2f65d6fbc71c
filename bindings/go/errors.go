package heimproxy

/*
#include "bridge.h"
*/
import "C"

import (
	"fmt"
	"strconv"
)

// A Status says of what kind an error is. It is an error itself, for errors.Is:
//
//	errors.Is(err, heimproxy.Closed)
type Status int

// What the library answers with.
const (
	InvalidArgument Status = C.HEIM_INVALID_ARGUMENT
	NoMemory        Status = C.HEIM_NO_MEMORY
	ConfigWrong     Status = C.HEIM_CONFIG
	System          Status = C.HEIM_SYSTEM
	WrongState      Status = C.HEIM_STATE
	TimedOut        Status = C.HEIM_TIMED_OUT
	Internal        Status = C.HEIM_INTERNAL
	Server          Status = C.HEIM_SERVER // what the server answered; the session goes on
	Closed          Status = C.HEIM_CLOSED // the session has ended
	WrongValue      Status = C.HEIM_VALUE
)

func (s Status) Error() string { return C.GoString(C.heim_status_text(C.heim_status(s))) }

// A Code is an SQLSTATE, or with two characters a class of them. It is an error itself, for
// errors.Is:
//
//	errors.Is(err, heimproxy.UniqueViolation)
//	errors.Is(err, heimproxy.Code("08"))
type Code string

// The codes that programs ask for most.
const (
	UniqueViolation      Code = "23505"
	ForeignKeyViolation  Code = "23503"
	NotNullViolation     Code = "23502"
	CheckViolation       Code = "23514"
	SerializationFailure Code = "40001" // the transaction may be run again
	DeadlockDetected     Code = "40P01" // likewise
	TransactionFailed    Code = "40000" // a commit found a failed transaction, and rolled it back
	QueryCanceled        Code = "57014"
	OutcomeUnknown       Code = "08007" // the statement was sent, and nobody knows what became of it
)

func (c Code) Error() string { return "SQLSTATE " + string(c) }

// An Error is what the library or the server said.
type Error struct {
	Status   Status
	Code     Code // "" where there is none
	Message  string
	Severity string
	Detail   string
	Hint     string
	Where    string // in which function, and the like
	// Position is a character of the statement, counted from 1; 0: none is named.
	Position   int
	Schema     string
	Table      string
	Column     string
	DataType   string
	Constraint string
	cause      error
}

func (e *Error) Error() string {
	if e.Code == "" {
		return "heimproxy: " + e.Message
	}
	return fmt.Sprintf("heimproxy: %s (SQLSTATE %s)", e.Message, string(e.Code))
}

// SQLState is the code as a string, by the name that other drivers have for it too.
func (e *Error) SQLState() string { return string(e.Code) }

// Unwrap is what may be why: that the context had ended, or what the reader of a CopyIn failed by.
func (e *Error) Unwrap() error { return e.cause }

// Is tells errors.Is whether target is the Status, the Code or the class of the error.
func (e *Error) Is(target error) bool {
	switch t := target.(type) {
	case Status:
		return e.Status == t
	case Code:
		return e.Code == t || (len(t) == 2 && len(e.Code) == 5 && e.Code[:2] == t)
	}
	return false
}

func newError(status C.heim_status, from *C.heim_error) *Error {
	if from.status != status { // nothing filled it
		return &Error{Status: Status(status), Message: Status(status).Error()}
	}
	return &Error{
		Status:  Status(status),
		Code:    Code(C.GoString(&from.sqlstate[0])),
		Message: C.GoString(&from.message[0]),
	}
}

// set puts a field of the protocol, by its letter.
func (e *Error) set(letter byte, text string) {
	switch letter {
	case 'S':
		e.Severity = text
	case 'C':
		e.Code = Code(text)
	case 'M':
		e.Message = text // whole, where heim_error cuts it
	case 'D':
		e.Detail = text
	case 'H':
		e.Hint = text
	case 'W':
		e.Where = text
	case 'P':
		e.Position, _ = strconv.Atoi(text)
	case 's':
		e.Schema = text
	case 't':
		e.Table = text
	case 'c':
		e.Column = text
	case 'd':
		e.DataType = text
	case 'n':
		e.Constraint = text
	}
}

const errorFields = "SCMDHWPstcdn"

// A Notice is what the server says beside its answers: the fields are those of an Error.
type Notice = Error
