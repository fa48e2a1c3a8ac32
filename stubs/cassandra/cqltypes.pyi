from cassandra.query import ColumnType

Int32Type: ColumnType
LongType: ColumnType
