import org.apache.lucene.analysis.standard.StandardAnalyzer;
import org.apache.lucene.index.IndexWriter;

/** Writes a Lucene index without documents: OODT's File Manager cannot answer queries before its first product. */
public class EmptyCatalogue {

    public static void main(String[] arguments) throws Exception {
        new IndexWriter(arguments[0], new StandardAnalyzer(), true).close();
    }
}
