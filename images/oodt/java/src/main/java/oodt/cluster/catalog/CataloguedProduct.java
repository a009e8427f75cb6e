package oodt.cluster.catalog;

import org.apache.oodt.cas.filemgr.structs.Product;
import org.apache.oodt.cas.filemgr.structs.ProductType;

/**
 * A product from the catalogue.
 *
 * <p>Before OODT sends a product, it sets the product's type to that of the current policy. If the policy does not have
 * the type any more, OODT sets null, and the whole answer fails. This class then keeps the type of the ingest.
 */
final class CataloguedProduct extends Product {

    @Override
    public void setProductType(ProductType type) {
        if (type != null) {
            super.setProductType(type);
        }
    }
}
