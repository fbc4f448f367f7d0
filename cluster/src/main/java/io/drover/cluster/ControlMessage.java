package io.drover.cluster;

/**
 * Marks what nodes say to each other over Pekko: bound to the {@link ControlSerializer}. Every class that implements it, and every
 * class inside of one, has a row in {@link ControlCodec#TABLE}.
 */
interface ControlMessage {}
