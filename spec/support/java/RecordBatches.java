import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.Base64;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.utils.ByteBufferOutputStream;

/**
 * Kafka's own encoder and decoder of record batches: a JSON object a line in, one a line out. {"write": description} gives {"bytes"},
 * {"read": bytes} gives {"batches"}, whatever fails gives {"error"}. Bytes are base64.
 */
public class RecordBatches {
  private static final ObjectMapper json = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode asked = json.readTree(line);
      ObjectNode answer = json.createObjectNode();
      try {
        if (asked.has("write")) answer.put("bytes", write(asked.get("write")));
        else answer.set("batches", read(Base64.getDecoder().decode(asked.get("read").asText())));
      } catch (Exception e) {
        answer.removeAll();
        answer.put("error", e.toString());
      }
      System.out.println(answer);
    }
  }

  private static String write(JsonNode batch) {
    long appendTime = batch.get("logAppendTime").asLong();
    MemoryRecordsBuilder to =
        new MemoryRecordsBuilder(
            new ByteBufferOutputStream(512),
            (byte) 2,
            Compression.of(batch.get("compression").asText()).build(),
            appendTime < 0 ? TimestampType.CREATE_TIME : TimestampType.LOG_APPEND_TIME,
            batch.get("baseOffset").asLong(),
            appendTime,
            batch.get("producerId").asLong(),
            (short) batch.get("producerEpoch").asInt(),
            batch.get("baseSequence").asInt(),
            batch.get("isTransactional").asBoolean(),
            batch.has("marker"),
            batch.get("leaderEpoch").asInt(),
            Integer.MAX_VALUE,
            batch.get("deleteHorizon").asLong());
    if (batch.has("marker")) {
      ControlRecordType type = ControlRecordType.valueOf(batch.get("marker").asText());
      to.appendEndTxnMarker(batch.get("timestamp").asLong(), new EndTransactionMarker(type, 7));
    }
    for (JsonNode r : batch.get("records")) {
      JsonNode named = r.get("headers");
      Header[] headers = new Header[named.size()];
      for (int i = 0; i < headers.length; i++)
        headers[i] = new RecordHeader(named.get(i).get(0).asText(), bytes(named.get(i).get(1)));
      to.appendWithOffset(r.get("offset").asLong(), r.get("timestamp").asLong(), bytes(r.get("key")), bytes(r.get("value")), headers);
    }
    if (batch.get("lastOffset").asLong() >= 0) to.overrideLastOffset(batch.get("lastOffset").asLong());
    return text(to.build().buffer());
  }

  private static ArrayNode read(byte[] bytes) {
    ArrayNode batches = json.createArrayNode();
    MemoryRecords records = MemoryRecords.readableRecords(ByteBuffer.wrap(bytes));
    for (MutableRecordBatch batch : records.batches()) {
      batch.ensureValid();
      ObjectNode one = batches.addObject();
      one.put("isValid", batch.isValid());
      one.put("sizeInBytes", batch.sizeInBytes());
      one.put("compression", batch.compressionType().name);
      one.put("baseOffset", batch.baseOffset());
      one.put("lastOffset", batch.lastOffset());
      one.put("maxTimestamp", batch.maxTimestamp());
      one.put("producerId", Long.toString(batch.producerId()));
      one.put("producerEpoch", batch.producerEpoch());
      one.put("baseSequence", batch.baseSequence());
      one.put("lastSequence", batch.lastSequence());
      one.put("isTransactional", batch.isTransactional());
      one.put("isControl", batch.isControlBatch());
      one.put("count", batch.countOrNull());
      ArrayNode all = one.putArray("records");
      for (Record record : batch) {
        record.ensureValid();
        ObjectNode r = all.addObject();
        r.put("offset", record.offset());
        r.put("timestamp", record.timestamp());
        r.put("key", text(record.key()));
        r.put("value", text(record.value()));
        ArrayNode headers = r.putArray("headers");
        for (Header header : record.headers()) headers.addArray().add(header.key()).add(text(header.value()));
      }
    }
    return batches;
  }

  private static byte[] bytes(JsonNode node) {
    return node.isNull() ? null : Base64.getDecoder().decode(node.asText());
  }

  private static String text(ByteBuffer buffer) {
    if (buffer == null) return null;
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return text(bytes);
  }

  private static String text(byte[] bytes) {
    return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
  }
}
