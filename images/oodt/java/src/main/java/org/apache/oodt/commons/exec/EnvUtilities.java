package org.apache.oodt.commons.exec;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.util.Properties;

/**
 * Stands before OODT's class of this name on the class path, since OODT fills in a policy's variables with it.
 *
 * <p>OODT's runs the program env for each variable, and misses what env prints if env ends right after the look for it:
 * on a busy machine a variable became "null". It also kept only the first line of a value.
 */
public final class EnvUtilities {

    private EnvUtilities() {
    }

    /** The variable's value, or null. */
    public static String getEnv(String name) {
        return System.getenv(name);
    }

    public static Properties getEnv() {
        Properties variables = new Properties();
        variables.putAll(System.getenv());
        return variables;
    }

    /** As {@link #getEnv()}; OODT has both. */
    public static Properties getEnvUsingWaitFor() {
        return getEnv();
    }

    /** What the stream has until it ends. */
    public static String slurp(InputStream stream) throws IOException {
        return new String(stream.readAllBytes(), Charset.defaultCharset());
    }
}
