package io.drover.bench.live;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file system of limited size in memory, which can be filled to the last byte and emptied again. Needs root. */
final class SmallDisk implements AutoCloseable {
    private static final int BLOCK = 1 << 20;

    private final Path directory;
    private final Path filler;
    private final Thread atExit;

    private SmallDisk(final Path directory) {
        this.directory = directory;
        filler = directory.resolve("filler");
        atExit = new Thread(this::unmount, "small-disk-exit");
    }

    /** @throws IOException one sentence where it cannot be mounted */
    static SmallDisk mount(final Path directory, final int mebibytes) throws IOException {
        Namespaces.requireRoot("a file system that can be filled");
        final SmallDisk disk = new SmallDisk(Files.createDirectories(directory).toAbsolutePath());
        final String problem = Namespaces.execute("mount", "-t", "tmpfs", "-o", "size=" + mebibytes + "m", "tmpfs",
                disk.directory.toString());
        if (problem != null) {
            throw new IOException("cannot mount a small disk at " + directory + ": " + problem);
        }
        Runtime.getRuntime().addShutdownHook(disk.atExit);
        return disk;
    }

    Path directory() {
        return directory;
    }

    void fill() throws IOException {
        try (OutputStream out = Files.newOutputStream(filler)) {
            for (int size = BLOCK; size > 0; size = size == 1 ? 0 : size / 16) {
                final byte[] block = new byte[size];
                while (written(out, block)) {
                    // Until not even that fits.
                }
            }
        }
    }

    private static boolean written(final OutputStream out, final byte[] block) {
        try {
            out.write(block);
            return true;
        } catch (final IOException full) {
            return false;
        }
    }

    void free() throws IOException {
        Files.deleteIfExists(filler);
    }

    private void unmount() {
        // Lazily: a process that was killed may still hold a file.
        Namespaces.execute("umount", "--lazy", directory.toString());
    }

    @Override
    public void close() {
        unmount();
        Runtime.getRuntime().removeShutdownHook(atExit);
    }
}
