package oodt.cluster.catalog;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.oodt.cas.filemgr.structs.BooleanQueryCriteria;
import org.apache.oodt.cas.filemgr.structs.ProductType;
import org.apache.oodt.cas.filemgr.structs.Query;
import org.apache.oodt.cas.filemgr.structs.QueryCriteria;
import org.apache.oodt.cas.filemgr.structs.RangeQueryCriteria;
import org.apache.oodt.cas.filemgr.structs.TermQueryCriteria;
import org.apache.oodt.cas.filemgr.structs.exceptions.CatalogException;

/**
 * An OODT query as the condition of an SQL query over the table of products.
 *
 * <p>Each criterion becomes the set of products that meet it, so that SQLite looks it up in an index however large the
 * product type is.
 *
 * <p>A type without an id means all types. A query by the path of a file ignores the type too: products of several
 * types may have the path, also of types that the policy does not have any more.
 */
final class Selection {

    /** What can be queried besides metadata, as in OODT's own Lucene catalogue: name in the query and column. */
    private static final Map<String, String> COLUMNS = Map.of(
            "product_id", "id",
            "product_name", "name",
            "product_structure", "structure",
            "product_transfer_status", "status",
            "product_type_id", "type");

    /** The path of a product's file. OODT's own Lucene catalogue stores it by this name but cannot search for it. */
    private static final String REFERENCE = "reference_data_store";

    private final ProductType type;
    private final List<Object> values = new ArrayList<>();
    private final String condition;
    private boolean isOfPaths;

    Selection(Query query, ProductType type) throws CatalogException {
        this.type = type;
        List<QueryCriteria> criteria = query.getCriteria();
        if (criteria == null || criteria.isEmpty()) {
            condition = ofType("type");
        } else {
            String products = "number IN (" + combined(criteria, "INTERSECT") + ")";
            // The plus stops SQLite from using the index by type, which would walk all products of the type.
            condition = isOfPaths ? products : products + " AND " + ofType("+type");
        }
    }

    /** The text after WHERE, with question marks for {@link #values}. */
    String condition() {
        return condition;
    }

    List<Object> values() {
        return values;
    }

    private String combined(List<QueryCriteria> criteria, String operator) throws CatalogException {
        List<String> sets = new ArrayList<>();
        for (QueryCriteria criterion : criteria) {
            sets.add("SELECT * FROM (" + set(criterion) + ")");
        }
        return sets.stream().collect(Collectors.joining(" " + operator + " "));
    }

    /** An SQL query for the numbers of the products that meet a criterion. */
    private String set(QueryCriteria criterion) throws CatalogException {
        if (criterion instanceof TermQueryCriteria term) {
            return compared(term.getElementName(), List.of("="), List.of(term.getValue()));
        }
        if (criterion instanceof RangeQueryCriteria range) {
            return range(range);
        }
        if (criterion instanceof BooleanQueryCriteria terms) {
            return terms(terms);
        }
        throw new CatalogException("Invalid QueryCriteria [" + criterion.getClass().getName() + "]");
    }

    private String range(RangeQueryCriteria range) {
        List<String> operators = new ArrayList<>();
        List<String> bounds = new ArrayList<>();
        if (isGiven(range.getStartValue())) {
            operators.add(range.getInclusive() ? ">=" : ">");
            bounds.add(range.getStartValue());
        }
        if (isGiven(range.getEndValue())) {
            operators.add(range.getInclusive() ? "<=" : "<");
            bounds.add(range.getEndValue());
        }
        return compared(range.getElementName(), operators, bounds);
    }

    private String terms(BooleanQueryCriteria criterion) throws CatalogException {
        List<QueryCriteria> terms = criterion.getTerms();
        if (terms == null || terms.isEmpty()) {
            throw new CatalogException("Invalid BooleanQueryCriteria: it has no terms");
        }
        return switch (criterion.getOperator()) {
            case BooleanQueryCriteria.AND -> combined(terms, "INTERSECT");
            case BooleanQueryCriteria.OR -> combined(terms, "UNION");
            case BooleanQueryCriteria.NOT -> {
                String all = "SELECT number FROM product WHERE " + ofType("type");
                yield all + " EXCEPT SELECT * FROM (" + combined(terms, "UNION") + ")";
            }
            default -> throw new CatalogException("Invalid BooleanQueryCriteria operator ["
                    + criterion.getOperator() + "]");
        };
    }

    private String compared(String element, List<String> operators, List<String> given) {
        List<String> bounds = given;
        String column = COLUMNS.get(element);
        StringBuilder set = new StringBuilder();
        if (element.equals(REFERENCE)) {
            isOfPaths = true;
            set.append("SELECT product FROM reference WHERE true");
            column = "path";
            bounds = given.stream().map(ArchivePath::of).toList();
        } else if (column == null) {
            set.append("SELECT product FROM metadata WHERE element = ?");
            values.add(element);
            column = "value";
        } else {
            set.append("SELECT number FROM product WHERE true");
        }
        for (String operator : operators) {
            set.append(" AND ").append(column).append(' ').append(operator).append(" ?");
        }
        values.addAll(bounds);
        return set.toString();
    }

    private String ofType(String column) {
        if (!isGiven(type.getProductTypeId())) {
            return "true";
        }
        values.add(type.getProductTypeId());
        return column + " = ?";
    }

    private static boolean isGiven(String bound) {
        return bound != null && !bound.isEmpty();
    }
}
