package oodt.cluster.catalog;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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

    private TestPolicy() {
    }

    static ValidationLayer write(Path folder) throws IOException {
        Files.createDirectory(folder);
        Files.writeString(folder.resolve("elements.xml"), ELEMENTS);
        Files.writeString(folder.resolve("product-type-element-map.xml"), TYPES);
        return new XMLValidationLayer(List.of(folder.toUri().toString()));
    }

    private static ProductType type(String id) {
        return new ProductType(id, id.substring(4), "described", "file:///archive", "a.Versioner");
    }
}
