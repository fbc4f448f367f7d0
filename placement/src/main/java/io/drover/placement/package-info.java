/** placement */
@NullMarked
package io.drover.placement;

import org.jspecify.annotations.NullMarked;
