package oodt.cluster.catalog;

import java.net.URI;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/**
 * The path in the archive that a reference points to.
 *
 * <p>Versioners write one path in several ways: {@code file:/a//b}, {@code file:///a/b}, {@code file:/a/%62}.
 */
final class ArchivePath {

    private ArchivePath() {
    }

    /** The normal form of the path that a URL or a plain path points to; null if there is no reference. */
    static String of(String reference) {
        if (reference == null || reference.isEmpty()) {
            return null;
        }
        String path = path(reference);
        try {
            return Path.of(path).normalize().toString();
        } catch (InvalidPathException e) {
            return path; // no file has such a name, but the product may have the reference
        }
    }

    private static String path(String reference) {
        try {
            URI uri = URI.create(reference);
            return "file".equals(uri.getScheme()) && uri.getPath() != null ? uri.getPath() : reference;
        } catch (IllegalArgumentException e) {
            return reference;
        }
    }
}
