package oodt.cluster.catalog;

import org.apache.oodt.cas.filemgr.structs.Product;
import org.apache.oodt.cas.filemgr.structs.ProductType;

/**
 * A product that the catalogue has.
 *
 * <p>OODT gives each one that it sends the type of the present policy. If the policy does not have the type any more,
 * that is null, and the whole answer fails; this keeps the type that the product was ingested with.
 */
final class CataloguedProduct extends Product {

    @Override
    public void setProductType(ProductType type) {
        if (type != null) {
            super.setProductType(type);
        }
    }
}
