/** server */
@NullMarked
package io.drover.server;

import org.jspecify.annotations.NullMarked;
