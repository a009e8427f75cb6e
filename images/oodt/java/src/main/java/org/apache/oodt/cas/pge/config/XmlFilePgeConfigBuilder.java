package org.apache.oodt.cas.pge.config;

import java.io.IOException;
import oodt.cluster.pge.ConfigFile;
import org.apache.oodt.cas.pge.metadata.PgeMetadata;

/**
 * Stands before OODT's class of this name on the class path, since OODT's PGE tasks ask for it by that.
 *
 * <p>OODT's fills in placeholders for as long as it sees a bracket: one in a job's value has no end.
 */
public class XmlFilePgeConfigBuilder implements PgeConfigBuilder {

    @Override
    public PgeConfig build(PgeMetadata metadata) throws IOException {
        return ConfigFile.read(metadata);
    }
}
