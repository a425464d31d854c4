package shakedown.driver;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.function.Consumer;

/**
 * Stamps events and writes them, in the order of their stamps, from a thread of its own: a callback is held up by a
 * stamp and no more.
 */
final class EventLog {

    /** How many events may wait. When there are more, callbacks wait: the harness has stopped reading. */
    private static final int WAITING = 4096;

    private static final int BUFFER_BYTES = 64 * 1024;

    private final BlockingQueue<Event> waiting = new ArrayBlockingQueue<>(WAITING);
    private final ObjectMapper json = new ObjectMapper();
    private final Thread writer;

    /** What is told of an event; the keys are filled in by the writer. An event without a name is the last. */
    private record Event(String name, long at, Consumer<ObjectNode> keys) { }

    EventLog(OutputStream to) {
        writer = new Thread(() -> write(new BufferedOutputStream(to, BUFFER_BYTES)), "events");
        writer.start();
    }

    /** Is called first thing in a callback. */
    synchronized void add(String name, Consumer<ObjectNode> keys) {
        try {
            // HotSpot reads CLOCK_MONOTONIC here.
            waiting.put(new Event(name, System.nanoTime(), keys));
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
        }
    }

    /** The answer to a command that failed. */
    void failed(Command command, String message) {
        add("failed", event -> {
            event.put("client", command.client()).put("command", command.name()).put("message", message);
            if (command.keys().has("key")) {
                event.set("key", command.keys().get("key"));
            }
            if (command.keys().has("id")) {
                event.set("id", command.keys().get("id"));
            }
        });
    }

    /** Content as the SDK handed it over, with its checksum; null is an item that does not exist. */
    static void content(ObjectNode event, String content) {
        event.put("content", content).put("md5", content == null ? null : md5(content));
    }

    /** Writes what waits; what is added afterwards is lost. */
    void flush() throws InterruptedException {
        add(null, event -> { });
        writer.join();
    }

    private void write(OutputStream to) {
        try {
            for (var event = waiting.take(); event.name() != null; event = waiting.take()) {
                var line = json.createObjectNode().put("event", event.name()).put("at", event.at());
                event.keys().accept(line);
                to.write(json.writeValueAsBytes(line));
                to.write('\n');
                if (waiting.isEmpty()) {
                    to.flush();
                }
            }
            to.flush();
        } catch (IOException | InterruptedException nobodyReads) {
            System.err.println("cannot write an event: " + nobodyReads);
            Runtime.getRuntime().halt(1);
        }
    }

    private static String md5(String content) {
        try {
            var digest = MessageDigest.getInstance("MD5").digest(content.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException absent) {
            throw new IllegalStateException("every Java has MD5", absent);
        }
    }
}
