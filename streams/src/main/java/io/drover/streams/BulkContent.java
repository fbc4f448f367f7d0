package io.drover.streams;

/**
 * What a node gives away under one name, read in place and in any order, so that bytes that were lost are sent again without having been
 * kept. Used by the bulk plane's thread; must not block.
 */
public interface BulkContent extends AutoCloseable {
    /** Bytes, at least 1; the same at each call. */
    long length();

    /**
     * Copies {@code length} bytes from {@code position} to the start of {@code into}.
     *
     * @throws RuntimeException if they are there no more: the receiver is told and turns elsewhere
     */
    void read(long position, byte[] into, int length);

    /** Called once, when nobody asks for it any more. */
    @Override
    default void close() {}
}
