package oodt.cluster.catalog;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import org.apache.oodt.cas.filemgr.structs.ProductType;
import org.apache.oodt.cas.filemgr.validation.ValidationLayer;
import org.apache.oodt.cas.filemgr.validation.XMLValidationLayer;

/** A policy whose product types have the elements Colour and, except ICE, CAS.ProductReceivedTime. */
final class TestPolicy {

    static final ProductType SNOW = type("urn:snow");
    static final ProductType RAIN = type("urn:rain");
    static final ProductType ICE = type("urn:ice");

    private static final String ELEMENTS =
            """
            <cas:elements xmlns:cas="http://oodt.apache.org/components/cas">
              <element id="urn:Colour" name="Colour"><description/><dcElement/></element>
              <element id="urn:Time" name="CAS.ProductReceivedTime"><description/><dcElement/></element>
            </cas:elements>
            """;

    private static final String TYPES =
            """
            <cas:producttypemap xmlns:cas="http://oodt.apache.org/components/cas">
              <type id="urn:snow"><element id="urn:Colour"/><element id="urn:Time"/></type>
              <type id="urn:rain"><element id="urn:Colour"/><element id="urn:Time"/></type>
              <type id="urn:ice"><element id="urn:Colour"/></type>
            </cas:producttypemap>
            """;

    private static final String PRODUCT_TYPES =
            """
            <cas:producttypes xmlns:cas="http://oodt.apache.org/components/cas">
              <type id="urn:snow" name="snow">
                <repository path="file://%s"/>
                <versioner class="oodt.cluster.catalog.WaitingVersioner"/>
                <description>described</description>
              </type>
            </cas:producttypes>
            """;

    private TestPolicy() {
    }

    static ValidationLayer write(Path folder) throws IOException {
        Files.createDirectory(folder);
        Files.writeString(folder.resolve("elements.xml"), ELEMENTS);
        Files.writeString(folder.resolve("product-type-element-map.xml"), TYPES);
        return new XMLValidationLayer(List.of(folder.toUri().toString()));
    }

    /** The product type SNOW, for a File Manager that keeps its products in a folder. */
    static void writeProductTypes(Path folder, Path archive) throws IOException {
        Files.writeString(folder.resolve("product-types.xml"), PRODUCT_TYPES.formatted(archive));
    }

    /** Takes from a catalogue what version 3 has added. */
    static void makeVersion2(Statement catalogue) throws SQLException {
        catalogue.execute("DROP TABLE closed_run");
        catalogue.execute("DROP INDEX product_by_run");
        catalogue.execute("ALTER TABLE product DROP COLUMN run");
        catalogue.execute("PRAGMA user_version = 2");
    }

    private static ProductType type(String id) {
        return new ProductType(id, id.substring(4), "described", "file:///archive", "a.Versioner");
    }
}
