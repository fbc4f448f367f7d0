/** checkpoint */
@NullMarked
package io.drover.model.checkpoint;

import org.jspecify.annotations.NullMarked;
