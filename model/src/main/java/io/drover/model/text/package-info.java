/** text */
@NullMarked
package io.drover.model.text;

import org.jspecify.annotations.NullMarked;
