package io.drover.streams;

import java.util.concurrent.TimeUnit;

import com.typesafe.config.Config;

/** Reads and checks values of a configuration, naming the key in each complaint. */
final class Settings {
    private final Config config;
    private final String path;

    Settings(final Config root, final String path) {
        this.config = root.getConfig(path);
        this.path = path;
    }

    String text(final String key) {
        return config.getString(key).strip();
    }

    int bytes(final String key, final int least, final int most) {
        return (int) inRange(key, config.getBytes(key), least, most);
    }

    /** 0 for {@code auto}. */
    int bytesOrAuto(final String key, final int least, final int most) {
        return "auto".equals(text(key)) ? 0 : bytes(key, least, most);
    }

    int count(final String key, final int least, final int most) {
        return (int) inRange(key, config.getLong(key), least, most);
    }

    long durationNs(final String key, final long leastMs, final long mostMs) {
        final long value = config.getDuration(key, TimeUnit.NANOSECONDS);
        if (value < TimeUnit.MILLISECONDS.toNanos(leastMs) || value > TimeUnit.MILLISECONDS.toNanos(mostMs)) {
            throw refused(key, config.getString(key), leastMs + " ms to " + mostMs + " ms");
        }
        return value;
    }

    IllegalArgumentException refused(final String key, final Object value, final String expected) {
        return new IllegalArgumentException(path + "." + key + " is " + value + "; expected " + expected);
    }

    private long inRange(final String key, final long value, final long least, final long most) {
        if (value < least || value > most) {
            throw refused(key, value, least + " to " + most);
        }
        return value;
    }
}
