/** forward */
@NullMarked
package io.drover.model.forward;

import org.jspecify.annotations.NullMarked;
