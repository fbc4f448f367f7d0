/** kernel */
@NullMarked
package io.drover.model.kernel;

import org.jspecify.annotations.NullMarked;
