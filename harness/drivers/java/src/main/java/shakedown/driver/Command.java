package shakedown.driver;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/** A line of standard input. */
record Command(String name, int client, JsonNode keys) {

    private static final ObjectMapper JSON = new ObjectMapper();

    static Command parse(String line) throws JsonProcessingException {
        var keys = JSON.readTree(line);
        if (!keys.path("command").isTextual()) {
            throw new IllegalArgumentException("no `command`");
        }
        return new Command(keys.get("command").textValue(), keys.path("client").asInt(), keys);
    }

    /** The value of a key, empty when there is none. */
    String text(String key) {
        return keys.path(key).asText("");
    }

    /** The item that the command is about. */
    Item item() {
        var key = keys.path("key");
        return new Item(key.path("data_id").asText(), key.path("group").asText());
    }

    /** An item of a client's namespace. */
    record Item(String dataId, String group) { }
}
