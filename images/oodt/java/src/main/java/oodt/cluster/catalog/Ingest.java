package oodt.cluster.catalog;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.oodt.cas.filemgr.structs.Product;

/**
 * One call that ingests a product, from its beginning to its answer, which one thread executes.
 *
 * <p>OODT gives the catalogue a product and then, in another call, its metadata. The ingest holds the product until
 * the metadata are there, so that both get into the catalogue, or neither.
 */
final class Ingest {

    private static final ThreadLocal<Ingest> OF_THIS_THREAD = new ThreadLocal<>();

    private static final List<Ingest> GOING_ON = new ArrayList<>();

    private final String instance;
    private Product held;

    private Ingest(String instance) {
        this.instance = instance;
    }

    /** Begins one of the workflow instance's, which may be null, in this thread. */
    static Ingest begin(String instance) {
        Ingest ingest = new Ingest(instance);
        synchronized (GOING_ON) {
            GOING_ON.add(ingest);
        }
        OF_THIS_THREAD.set(ingest);
        return ingest;
    }

    /** The one that this thread executes, or null. */
    static Ingest ofThisThread() {
        return OF_THIS_THREAD.get();
    }

    /** Waits until no ingest of the run goes on; false if one still does when the time is over. */
    static boolean awaitNone(String run, Duration limit) throws InterruptedException {
        long end = System.nanoTime() + limit.toNanos();
        synchronized (GOING_ON) {
            while (GOING_ON.stream().anyMatch(each -> each.isOf(run))) {
                long milliseconds = (end - System.nanoTime()) / 1_000_000;
                if (milliseconds <= 0) {
                    return false;
                }
                GOING_ON.wait(milliseconds);
            }
        }
        return true;
    }

    /** To be called by the same thread. */
    void end() {
        OF_THIS_THREAD.remove();
        synchronized (GOING_ON) {
            GOING_ON.remove(this);
            GOING_ON.notifyAll();
        }
    }

    /** The workflow instance that the product is of, or null. */
    String instance() {
        return instance;
    }

    /** Keeps a product until its metadata come; null when they are there. */
    void hold(Product product) {
        held = product;
    }

    /** Whether the product waits for its metadata. */
    boolean holds(Product product) {
        return held != null && held.getProductId().equals(product.getProductId());
    }

    private boolean isOf(String run) {
        return instance != null && Instances.isOf(instance, run);
    }
}
