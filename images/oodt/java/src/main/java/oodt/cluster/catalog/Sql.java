package oodt.cluster.catalog;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.List;

/** Statements with a question mark for each value. */
final class Sql {

    private Sql() {
    }

    /** Returns how many rows it has changed. */
    static int update(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = prepare(connection, sql, Arrays.asList(values))) {
            return statement.executeUpdate();
        }
    }

    static PreparedStatement prepare(Connection connection, String sql, List<?> values) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        int position = 1;
        for (Object value : values) {
            statement.setObject(position++, value);
        }
        return statement;
    }
}
