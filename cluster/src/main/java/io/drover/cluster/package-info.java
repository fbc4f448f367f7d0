/** cluster */
@NullMarked
package io.drover.cluster;

import org.jspecify.annotations.NullMarked;
