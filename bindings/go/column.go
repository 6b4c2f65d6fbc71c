package heimproxy

/*
#include "bridge.h"
*/
import "C"

import (
	"database/sql/driver"
	"math"
	"reflect"
	"strconv"
	"unsafe"
)

// A column of rows.
type column struct {
	name     string
	oid      uint32
	modifier int32
	decode   decoder
}

func columnsOf(h *C.heimgo_session) []column {
	columns := make([]column, int(h.columns))
	if len(columns) == 0 {
		return columns
	}
	for i, described := range unsafe.Slice(h.column_list, len(columns)) {
		oid := uint32(described._type)
		columns[i] = column{C.GoString(described.name), oid, int32(described.modifier), decoderOf(oid)}
	}
	return columns
}

// ColumnTypeDatabaseTypeName is the type's name; its oid where it is none of PostgreSQL's own.
func (r *rows) ColumnTypeDatabaseTypeName(index int) string {
	oid := r.columns[index].oid
	if name := typeNames[oid]; name != "" {
		return name
	}
	return strconv.FormatUint(uint64(oid), 10)
}

// ColumnTypeScanType is what Next gives for the type, but for NULL.
func (r *rows) ColumnTypeScanType(index int) reflect.Type {
	return reflect.TypeOf(scanned[kindOf(r.columns[index].oid)])
}

// ColumnTypeNullable is not known.
func (r *rows) ColumnTypeNullable(index int) (nullable, ok bool) { return false, false }

// ColumnTypeLength is the limit of a type that has one, or varies.
func (r *rows) ColumnTypeLength(index int) (int64, bool) {
	column := &r.columns[index]
	switch typeNames[column.oid] {
	case "VARCHAR", "BPCHAR":
		if column.modifier > 4 {
			return int64(column.modifier) - 4, true
		}
		return math.MaxInt64, true
	case "VARBIT", "BIT":
		if column.modifier > 0 {
			return int64(column.modifier), true
		}
		return math.MaxInt64, true
	case "TEXT", "BYTEA", "JSON", "JSONB", "XML":
		return math.MaxInt64, true
	}
	return 0, false
}

// ColumnTypePrecisionScale is of a numeric that has them.
func (r *rows) ColumnTypePrecisionScale(index int) (precision, scale int64, ok bool) {
	column := &r.columns[index]
	if typeNames[column.oid] != "NUMERIC" || column.modifier < 4 {
		return 0, 0, false
	}
	packed := column.modifier - 4
	// A scale has 11 bits and a sign since PostgreSQL 15.
	return int64(packed >> 16), int64((packed&0x7ff ^ 0x400) - 0x400), true
}

var scanned = map[valueKind]driver.Value{
	kindInt: int64(0), kindFloat: float64(0), kindBool: false, kindBytea: []byte(nil),
	kindJSON: []byte(nil), kindTime: zeroTime, kindText: "",
}

// By pg_type's oid.
var typeNames = map[uint32]string{
	16: "BOOL", 17: "BYTEA", 18: "CHAR", 19: "NAME", 20: "INT8", 21: "INT2", 23: "INT4", 24: "REGPROC",
	25: "TEXT", 26: "OID", 27: "TID", 28: "XID", 29: "CID", 114: "JSON", 142: "XML", 143: "_XML",
	199: "_JSON", 600: "POINT", 601: "LSEG", 602: "PATH", 603: "BOX", 604: "POLYGON", 628: "LINE",
	650: "CIDR", 651: "_CIDR", 700: "FLOAT4", 701: "FLOAT8", 705: "UNKNOWN", 718: "CIRCLE",
	774: "MACADDR8", 790: "MONEY", 829: "MACADDR", 869: "INET", 1000: "_BOOL", 1001: "_BYTEA",
	1005: "_INT2", 1007: "_INT4", 1009: "_TEXT", 1014: "_BPCHAR", 1015: "_VARCHAR", 1016: "_INT8",
	1021: "_FLOAT4", 1022: "_FLOAT8", 1028: "_OID", 1041: "_INET", 1042: "BPCHAR", 1043: "VARCHAR",
	1082: "DATE", 1083: "TIME", 1114: "TIMESTAMP", 1115: "_TIMESTAMP", 1182: "_DATE", 1183: "_TIME",
	1184: "TIMESTAMPTZ", 1185: "_TIMESTAMPTZ", 1186: "INTERVAL", 1187: "_INTERVAL", 1231: "_NUMERIC",
	1266: "TIMETZ", 1560: "BIT", 1562: "VARBIT", 1700: "NUMERIC", 2205: "REGCLASS", 2206: "REGTYPE",
	2249: "RECORD", 2278: "VOID", 2950: "UUID", 2951: "_UUID", 3220: "PG_LSN", 3614: "TSVECTOR",
	3615: "TSQUERY", 3802: "JSONB", 3807: "_JSONB", 3904: "INT4RANGE", 3906: "NUMRANGE",
	3908: "TSRANGE", 3910: "TSTZRANGE", 3912: "DATERANGE", 3926: "INT8RANGE",
}
