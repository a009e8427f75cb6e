package oodt.cluster.catalog;

import java.nio.file.Path;
import org.apache.oodt.cas.filemgr.catalog.Catalog;
import org.apache.oodt.cas.filemgr.catalog.CatalogFactory;
import org.apache.oodt.cas.filemgr.structs.exceptions.CatalogException;
import org.apache.oodt.cas.filemgr.util.GenericFileManagerObjectFactory;

/** Named in filemgr.properties as {@code filemgr.catalog.factory}; OODT creates one at start-up. */
public final class SqliteCatalogFactory implements CatalogFactory {

    private static final String FILE = "oodt.cluster.catalog.file";

    /** OODT's own key, as its Lucene catalogue reads it. */
    private static final String LUCENE_INDEX = "org.apache.oodt.cas.filemgr.catalog.lucene.idxPath";

    private static final String VALIDATION_LAYER = "filemgr.validationLayer.factory";

    private static final int PAGE_SIZE = 20;

    /** OODT's File Manager keeps its catalogue to itself. */
    private static volatile SqliteCatalog newest;

    /** The catalogue that the File Manager works with. */
    static SqliteCatalog newest() throws CatalogException {
        if (newest == null) {
            throw new CatalogException("The File Manager is starting: its catalogue is not open yet");
        }
        return newest;
    }

    @Override
    public Catalog createCatalog() {
        try {
            newest = new SqliteCatalog(
                    Path.of(property(FILE)),
                    Path.of(property(LUCENE_INDEX)),
                    GenericFileManagerObjectFactory.getValidationLayerFromFactory(property(VALIDATION_LAYER)),
                    PAGE_SIZE);
            return newest;
        } catch (CatalogException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    private static String property(String key) {
        String value = System.getProperty(key);
        if (value == null) {
            throw new IllegalStateException(key + " is not set: filemgr.properties must name it");
        }
        return value;
    }
}
