/** model */
@NullMarked
package io.drover.model;

import org.jspecify.annotations.NullMarked;
