package io.drover.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MediaDriverHostTest {
    private final LinkRig rig = new LinkRig();

    @TempDir
    Path here;
    @TempDir
    Path there;

    @AfterEach
    void tearDown() {
        rig.close();
    }

    @Test
    void aLiveDriversDirectoryIsRefusedAndADeadOnesTaken() throws Exception {
        final DriverSettings settings = DriverSettings.from(LinkRig.config("")).withAeronDirectory(here.resolve("d").toString());
        final Path kept = there.resolve("d");
        try (MediaDriverHost driver = MediaDriverHost.launch(settings)) {
            assertThatIllegalStateException().isThrownBy(() -> MediaDriverHost.launch(settings))
                    .withMessageContaining(driver.directory())
                    .withMessageContaining("drover.streams.aeron-directory");
            copy(Path.of(driver.directory()), kept);
        }
        assertThat(here.resolve("d")).as("removed at close").doesNotExist();

        Thread.sleep(600);
        final DriverSettings impatient = DriverSettings.from(LinkRig.config("drover.streams.driver-timeout = 500ms"));
        try (MediaDriverHost driver = MediaDriverHost.launch(impatient.withAeronDirectory(kept.toString()))) {
            assertThat(driver.directory()).isEqualTo(kept.toString());
        }
    }

    @Test
    void whatKilledDriversLeftIsRemovedAndALiveDriverIsNot() throws Exception {
        final Path live = here.resolve("live");
        final Path dead = here.resolve("dead");
        final Path starting = Files.createDirectory(here.resolve("starting"));
        final Path abandoned = Files.createDirectory(here.resolve("abandoned"));
        try (MediaDriverHost driver = MediaDriverHost
                .launch(DriverSettings.from(LinkRig.config("")).withAeronDirectory(live.toString()))) {
            try (MediaDriverHost other = MediaDriverHost
                    .launch(DriverSettings.from(LinkRig.config("")).withAeronDirectory(there.resolve("x").toString()))) {
                copy(Path.of(other.directory()), dead);
            }
            Files.setLastModifiedTime(abandoned, FileTime.from(Instant.now().minus(Duration.ofHours(1))));
            // A live driver says so once a second.
            Thread.sleep(4200);
            MediaDriverHost.removeStale(here, 4000);
            assertThat(Path.of(driver.directory())).exists();
            assertThat(starting).exists();
            assertThat(dead).doesNotExist();
            assertThat(abandoned).doesNotExist();
        }
    }

    @Test
    void withoutADirectoryEachDriverMakesItsOwn() {
        final DriverSettings settings = DriverSettings.from(LinkRig.config(""));
        try (MediaDriverHost one = MediaDriverHost.launch(settings); MediaDriverHost two = MediaDriverHost.launch(settings)) {
            assertThat(one.directory()).isNotEqualTo(two.directory());
            assertThat(Path.of(one.directory()).getParent().getFileName().toString()).startsWith("drover-");
        }
    }

    @Test
    void aNodeWithoutADriverSaysWhereItLooked() {
        final DataPlaneSettings settings = LinkRig.settings("drover.streams.driver-timeout = 200ms");
        final Endpoint self = Endpoint.unresolved(1, 1, "lonely", "127.0.0.1:0");
        assertThatIllegalStateException().isThrownBy(() -> Links.open(settings.withAeronDirectory(here + "/none"), self, 0))
                .withMessageContaining(here + "/none")
                .withMessageContaining("200 ms");
        assertThatIllegalStateException().isThrownBy(() -> Links.open(settings, self, 0))
                .withMessageContaining("drover.streams.aeron-directory is empty");
    }

    @Test
    void aPortInUseIsNamed() throws Exception {
        final MediaDriverHost driver = rig.driver(here);
        try (DatagramSocket taken = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
            final String address = "127.0.0.1:" + taken.getLocalPort();
            assertThatIllegalStateException().isThrownBy(() -> Links.open(
                    LinkRig.settings("").withAeronDirectory(driver.directory()), Endpoint.unresolved(1, 1, "late", address), 0))
                    .withMessageContaining(address)
                    .withMessageContaining("in use");
        }
        final Links other = rig.node(driver, 2, 1);
        assertThat(other.self().port()).as("the driver goes on").isPositive();
    }

    @Test
    void aNodeWhoseDriverDiesStopsWithOneMessage() {
        final MediaDriverHost driver = MediaDriverHost
                .launch(DriverSettings.from(LinkRig.config("")).withAeronDirectory(here.resolve("d").toString()));
        final Links links = Links.open(
                LinkRig.settings("drover.streams.driver-timeout = 10s").withAeronDirectory(driver.directory()),
                Endpoint.unresolved(1, 1, "orphan", "127.0.0.1:0"), System.nanoTime());
        links.doWork(System.nanoTime());
        driver.close();
        final long startNs = System.nanoTime();
        final long[] turnNs = {startNs};
        assertThatIllegalStateException().isThrownBy(() -> {
            while (System.nanoTime() - startNs < Duration.ofSeconds(60).toNanos()) {
                turnNs[0] = System.nanoTime();
                links.doWork(turnNs[0]);
                Thread.sleep(5);
            }
        }).withMessageContaining("media driver").withMessageContaining("gone");
        assertThat(Duration.ofNanos(System.nanoTime() - turnNs[0])).as("the node stands still while it waits for a dead driver")
                .isLessThan(Duration.ofSeconds(10));
        links.close();
    }

    private static void copy(final Path from, final Path to) throws Exception {
        try (Stream<Path> files = Files.walk(from)) {
            for (final Path file : (Iterable<Path>) files::iterator) {
                Files.copy(file, to.resolve(from.relativize(file).toString()));
            }
        }
    }
}
