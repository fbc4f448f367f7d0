/** streams */
@NullMarked
package io.drover.streams;

import org.jspecify.annotations.NullMarked;
