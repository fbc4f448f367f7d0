/** actors */
@NullMarked
package io.drover.actors;

import org.jspecify.annotations.NullMarked;
