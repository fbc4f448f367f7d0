package io.drover.server;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

import com.typesafe.config.ConfigFactory;

class SharedMemoryTest {
    @Test
    void aClusterThatNeedsMoreSharedMemoryThanThereIsStartsNothing() {
        // 200 nodes talk over two logs for each of 39,800 directions, one of them small: no machine has that.
        assertThatThrownBy(
                () -> HostedNodes.cluster(ConfigFactory.parseString("drover.streams.largest-frame = 16 MiB"), 200,
                        progress -> {}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageMatching(
                        "too little shared memory: 79600 logs .* need [\\d.]+ MiB in .*, which has [\\d.]+ MiB free\\. .*");
    }
}
